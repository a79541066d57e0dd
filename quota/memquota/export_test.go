package memquota

// Buckets is how many limits of callers are remembered.
func (s *Store) Buckets() int {
	n := 0
	for i := range s.callers.shards {
		s.callers.shards[i].mu.Lock()
		n += len(s.callers.shards[i].buckets)
		s.callers.shards[i].mu.Unlock()
	}
	return n
}
