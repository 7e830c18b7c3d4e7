import type { Asking } from './plan.js';
import { Questions } from './questions.js';

const ASKING: Asking = {
  ...{ seed: 3, model: 'auto', stream: false, prompts: [{ prompt: 'Why?' }], verbatim: false, repeats: 0, same: false },
  ...{ sessions: 0, turns: 2, maxTokens: null, keys: [], headers: {} },
};
const many = 2_000;
const bodiesOf = (changes: Partial<Asking>): string[] => {
  const questions = new Questions({ ...ASKING, ...changes });
  return Array.from({ length: many }, (_, n) => questions.of(n, n).body);
};

describe('the questions of a load test', () => {
  it('are all different, and the same ones for the same seed', () => {
    expect(new Set(bodiesOf({})).size).toBe(many);
    expect(bodiesOf({ repeats: 0.5 })).toEqual(bodiesOf({ repeats: 0.5 }));
    expect(bodiesOf({ seed: 4 })).not.toEqual(bodiesOf({}));
  });

  it('repeat ten common ones in the share that was asked for', () => {
    const common = bodiesOf({ repeats: 0.3 }).filter((body) => body.includes('common'));
    expect(new Set(common).size).toBe(10);
    expect(Math.abs(common.length / many - 0.3)).toBeLessThan(0.03);
  });

  it('are one with --same, and those of the file in turn', () => {
    expect(new Set(bodiesOf({ same: true })).size).toBe(1);
    const prompts = [
      { prompt: 'a' },
      {
        messages: [
          { role: 'system', content: 's' },
          { role: 'user', content: 'u' },
        ],
      },
    ];
    expect(new Set(bodiesOf({ prompts, verbatim: true })).size).toBe(2);
    expect(bodiesOf({ prompts })[1]).toContain('"u (3-1)"');
  });

  it('ask for usage where they are streamed', () => {
    const body = JSON.parse(bodiesOf({ stream: true, maxTokens: 5 })[0]!) as object;
    expect(body).toMatchObject({ stream: true, stream_options: { include_usage: true }, max_tokens: 5 });
  });

  it('take keys in turn, and begin another conversation after its turns', () => {
    const questions = new Questions({ ...ASKING, sessions: 2, keys: ['a', 'b', 'c'] });
    const headers = Array.from({ length: 6 }, (_, n) => questions.of(n, n % 2).headers);
    expect(headers.map((it) => it['x-session-id'])).toEqual([
      ...['load-3-0-0', 'load-3-1-0', 'load-3-0-0', 'load-3-1-0', 'load-3-0-1', 'load-3-1-1'],
    ]);
    expect(headers[1]).toMatchObject({ authorization: 'Bearer b' });
  });
});
