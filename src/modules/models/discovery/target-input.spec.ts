import { targetId, withUniqueIds } from './target-input.js';

describe('targetId', () => {
  it.each([
    ['llama3.2:3b', 'x/llama3.2:3b'],
    ['meta-llama/Llama-3.1-8B-Instruct', 'x/meta-llama/Llama-3.1-8B-Instruct'],
    ['Qwen3 4B (q4)', 'x/Qwen3-4B--q4-'],
    ['/srv/models/phi.gguf', 'x/phi.gguf'],
    ['../models/phi.gguf', 'x/phi.gguf'],
    ['C:\\models\\phi.gguf', 'x/phi.gguf'],
    ['org//model/', 'x/org/model'],
    ['org/../model/.', 'x/org/model'],
    ['/', 'x'],
  ])('makes of %s the id %s', (model, id) => expect(targetId('x', model)).toBe(id));

  it('is never too long', () => expect(targetId('x', 'y'.repeat(300))).toHaveLength(124));
});

describe('withUniqueIds', () => {
  it('numbers ids that are taken, also by a number', () => {
    const targets = ['a', 'a', 'a-2', 'a'].map((id) => ({ id, tier: 'local' as const }));
    expect(withUniqueIds(targets).map(({ id }) => id)).toEqual(['a', 'a-2', 'a-2-2', 'a-3']);
  });
});
