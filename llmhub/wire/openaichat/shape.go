package openaichat

// shape remembers the chunk that came before: of most chunks every byte but the
// text repeats.
type shape struct {
	part int
}

func (s *shape) text(data []byte) (string, bool) { return "", false }

func (s *shape) learn(d *decoder, data []byte) {}
