package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations
var migrations embed.FS

// versionTable keeps the schema's version, apart from any other that shares the
// database.
const versionTable = "store_version"

// migrate brings the schema up to the newest version that is known.
func migrate(ctx context.Context, db *sql.DB, name string) error {
	files, err := fs.Sub(migrations, "migrations/"+name)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	dialects := map[string]database.Dialect{"sqlite": goose.DialectSQLite3}
	p, err := goose.NewProvider(dialects[name], db, files,
		goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if at > known {
		return fmt.Errorf("database has schema version %d, this program knows versions up to %d: run a newer one", at, known)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate from schema version %d to %d: %w", at, known, err)
	}
	return nil
}
