package sqlstore

import "context"

const settingByName = `SELECT value FROM settings WHERE name = $1`

// Setting returns a value.
func (s *Store) Setting(ctx context.Context, name string) ([]byte, error) {
	var v []byte
	err := s.r.QueryRowContext(ctx, settingByName, name).Scan(&v)
	return v, s.fail("read setting "+name, err)
}

// PutSetting stores a value over any that is there.
func (s *Store) PutSetting(ctx context.Context, name string, value []byte) error {
	const put = `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	_, err := s.w.ExecContext(ctx, put, name, blob(value))
	return s.fail("put setting "+name, err)
}

// InitSetting stores a value unless there is one, and returns what is there.
func (s *Store) InitSetting(ctx context.Context, name string, value []byte) ([]byte, error) {
	const add = `INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	if _, err := s.w.ExecContext(ctx, add, name, blob(value)); err != nil {
		return nil, s.fail("put setting "+name, err)
	}
	return s.Setting(ctx, name)
}
