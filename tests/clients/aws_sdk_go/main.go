// aws-sdk-go-v2/service/bedrockruntime, with the HTTP client that it comes with.
// Answers as talk.py says.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
)

const (
	model  = "us.anthropic.claude-sonnet-4-20250514-v1:0"
	rounds = 8
)

type request struct {
	URL    string
	Prompt string
	Stream bool
	Tools  bool
	Native bool
}

type turn struct {
	Text      string   `json:"text"`
	Reasoning string   `json:"reasoning"`
	Calls     [][2]any `json:"calls"`
}

type failure struct {
	Kinds   []string `json:"kinds"`
	Message string   `json:"message"`
}

type reply struct {
	Turns   []turn            `json:"turns,omitempty"`
	Chunks  []json.RawMessage `json:"chunks,omitempty"`
	Failure *failure          `json:"failure,omitempty"`
}

var clients = map[string]*bedrockruntime.Client{}

func clientOf(ctx context.Context, url string) (*bedrockruntime.Client, error) {
	if client, made := clients[url]; made {
		return client, nil
	}
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	client := bedrockruntime.NewFromConfig(settings, func(options *bedrockruntime.Options) {
		options.BaseEndpoint = aws.String(url)
	})
	clients[url] = client
	return client, nil
}

func ask(ctx context.Context, asked request) (answer reply, err error) {
	client, err := clientOf(ctx, asked.URL)
	switch {
	case err != nil:
	case asked.Native && asked.Stream:
		answer.Chunks, err = invokeStream(ctx, client)
	case asked.Native:
		answer.Chunks, err = invoke(ctx, client)
	default:
		answer.Turns, err = converse(ctx, client, asked)
	}
	return answer, err
}

func failureOf(err error) *failure {
	told := &failure{Message: err.Error()}
	for ; err != nil; err = errors.Unwrap(err) {
		kind := reflect.TypeOf(err)
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		told.Kinds = append(told.Kinds, kind.Name())
	}
	return told
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	replies := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		var answer reply
		err := json.Unmarshal(lines.Bytes(), &asked)
		if err == nil {
			answer, err = ask(context.Background(), asked)
		}
		if err != nil {
			answer = reply{Failure: failureOf(err)}
		}
		if err := replies.Encode(answer); err != nil {
			panic(err)
		}
	}
}
