package main

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// cage is the provider: it says again what it hears.
type cage struct{}

func (cage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var heard struct{ Words string }
	if err := json.NewDecoder(r.Body).Decode(&heard); err != nil {
		http.Error(w, "squawk", http.StatusBadRequest)
		return
	}
	said, _ := json.Marshal(heard.Words) // a string always is JSON
	fmt.Fprintf(w, `{"say":%s,"done":true,"in":5,"out":5}`+"\n", said)
}
