// SPDX-License-Identifier: Apache-2.0

// The peer arrow-go: answers requests on standard input, one line each, with one line (see ../peer.py).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

func read(path string) (*arrow.Schema, []arrow.RecordBatch, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	reader, err := ipc.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, nil, err
	}
	var batches []arrow.RecordBatch
	for reader.Next() {
		batch := reader.RecordBatch()
		batch.Retain()
		batches = append(batches, batch)
	}
	return reader.Schema(), batches, reader.Err()
}

func options(schema *arrow.Schema, how string) []ipc.Option {
	result := []ipc.Option{ipc.WithSchema(schema)}
	switch how {
	case "lz4":
		result = append(result, ipc.WithLZ4())
	case "zstd":
		result = append(result, ipc.WithZstd())
	case "deltas":
		result = append(result, ipc.WithDictionaryDeltas(true))
	}
	return result
}

type batchWriter interface {
	Write(arrow.RecordBatch) error
	Close() error
}

func newWriter(file *os.File, schema *arrow.Schema, how string) (batchWriter, error) {
	if how == "file" {
		return ipc.NewFileWriter(file, options(schema, how)...)
	}
	return ipc.NewWriter(file, options(schema, how)...), nil
}

// All batches, or a slice of each that has three rows.
func rewrite(from, to, how string, sliced bool) (map[string]any, error) {
	schema, batches, err := read(from)
	if err != nil {
		return nil, err
	}
	file, err := os.Create(to)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	writer, err := newWriter(file, schema, how)
	if err != nil {
		return nil, err
	}
	for _, batch := range batches {
		if sliced {
			if batch.NumRows() < 3 {
				continue
			}
			batch = batch.NewSlice(1, batch.NumRows()-1)
		}
		if err := writer.Write(batch); err != nil {
			return nil, err
		}
	}
	return map[string]any{}, writer.Close()
}

func answer(request []string) (reply map[string]any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	switch {
	case len(request) == 2 && request[0] == "read":
		schema, batches, err := read(request[1])
		if err != nil {
			return nil, err
		}
		return content(schema, batches), nil
	case len(request) == 5 && request[0] == "rewrite":
		return rewrite(request[1], request[2], request[3], request[4] == "slices")
	}
	return nil, fmt.Errorf("what is %q?", request)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		reply, err := answer(strings.Split(lines.Text(), "\t"))
		if err != nil {
			reply = map[string]any{"error": err.Error()}
		}
		line, err := json.Marshal(reply)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}
