package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

var nativeBody = []byte(`{
	"anthropic_version": "bedrock-2023-05-31",
	"max_tokens": 100,
	"messages": [{"role": "user", "content": "hello"}]
}`)

func invoke(ctx context.Context, client *bedrockruntime.Client) ([]json.RawMessage, error) {
	output, err := client.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{
		ModelId:     aws.String(model),
		ContentType: aws.String("application/json"),
		Body:        nativeBody,
	})
	if err != nil {
		return nil, err
	}
	return []json.RawMessage{output.Body}, nil
}

func invokeStream(ctx context.Context, client *bedrockruntime.Client) ([]json.RawMessage, error) {
	output, err := client.InvokeModelWithResponseStream(
		ctx,
		&bedrockruntime.InvokeModelWithResponseStreamInput{
			ModelId:     aws.String(model),
			ContentType: aws.String("application/json"),
			Body:        nativeBody,
		},
	)
	if err != nil {
		return nil, err
	}
	stream := output.GetStream()
	defer stream.Close()
	var chunks []json.RawMessage
	for event := range stream.Events() {
		chunk, known := event.(*types.ResponseStreamMemberChunk)
		if !known {
			return nil, fmt.Errorf("unknown event %T", event)
		}
		chunks = append(chunks, chunk.Value.Bytes)
	}
	return chunks, stream.Err()
}
