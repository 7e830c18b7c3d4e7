import { parameterCount } from './found-model.js';

describe('parameterCount', () => {
  it.each([
    ['llama3.2:3b', 3e9],
    ['qwen3:0.6b', 0.6e9],
    ['mixtral:8x7b-instruct-v0.1-q4_K_M', 56e9],
    ['gemma3n:e4b', 4e9],
    ['smollm2-135m', 135e6],
    ['qwen3-coder-30b-a3b', 30e9],
    ['gpt-oss:20b', 20e9],
    ['meta-llama/Llama-3.1-70B-Instruct', 70e9],
    ['stablelm-2-zephyr-1_6b', 1.6e9],
    ['llama_2_7b', 7e9],
    ['kimi-k2:1t', 1e12],
    ['/srv/models/Qwen3-4B.gguf', 4e9],
    ['glm-4-9b-chat-1m', 9e9],
    ['yi-34b-200k', 34e9],
    ['Qwen2.5-7B-Instruct-4bit', 7e9],
    ['llama3.2:latest', undefined],
    ['phi-4-mini-instruct-generic-cpu:5', undefined],
    ['internlm-chat-1m', undefined],
    ['gemma-3-4bit', undefined],
    ['x'.repeat(256), undefined],
  ])('reads %s as %s', (name, count) => expect(parameterCount(undefined, name)).toBe(count));

  it.each([
    ['7.6B', 'a:1b', 7.6e9],
    ['494.03M', 'a', 494.03e6],
    ['35B-A3B', 'a', 35e9],
    ['8x7B', 'a', 56e9],
    [8_190_735_360, 'a:1b', 8_190_735_360],
    ['158000000000', 'a', 158e9],
    ['', 'a:1b', 1e9],
    [{}, 'a:1b', 1e9],
    [[], 'a:1b', 1e9],
    ['unknown', 'a:1b', 1e9],
    [null, 'a:1b', 1e9],
    [0, 'a', undefined],
  ])('believes the server that tells %j before the name %s', (told, name, count) =>
    expect(parameterCount(told, name)).toBe(count),
  );
});
