import type { ChatFrame, Completion } from '../../../common/chat.js';
import { TextRun } from '../../../common/text-run.js';
import { SseParser } from './sse-parser.js';
import { StreamFrames } from './stream-frames.js';
import { seeded } from '../../../../tools/train-router/random.js';

const PIECES = [
  'a',
  ' word',
  '',
  '"',
  '\\',
  '\n',
  '\u0007',
  'größe',
  '你好',
  '👋🏽',
  '\u2028',
  '\ud83d',
  '"content":"x"',
  '}\n\n',
  'data: {',
];

/** Frames as servers send them: runs of pieces, and what may come in between. */
function framesOf(random: () => number): Completion[] {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const top = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...pick([{}, { usage: null }]) };
  const rest = pick<object>([{ finish_reason: null }, {}, { logprobs: null, finish_reason: null }]);
  const field = pick(['content', 'content', 'reasoning_content', 'reasoning']);
  const padded = random() < 0.3;
  const frame = (delta: object, more: object = {}): Completion =>
    ({
      ...top,
      choices: [{ index: 0, delta, ...rest }],
      ...(padded ? { obfuscation: 'x'.repeat(Math.floor(random() * 9)) } : {}),
      ...more,
    }) as Completion;
  const frames = [frame({ role: 'assistant', content: '' })];
  for (let n = 0; n < 30; n += 1) {
    const odd = random();
    if (odd < 0.05) frames.push(frame({ content: pick(PIECES), refusal: pick([null, 'no']) }));
    else if (odd < 0.1) frames.push(frame({ [field]: pick(PIECES) }, { created: n, system_fingerprint: 'f' }));
    else if (odd < 0.13) frames.push(frame({ tool_calls: [{ index: 0, function: { arguments: pick(PIECES) } }] }));
    else if (odd < 0.16) frames.push({ ...top, choices: [{ index: 1, delta: { content: pick(PIECES) } }] });
    else if (odd < 0.19) frames.push(frame({ content: pick(PIECES), content_filter: { content: pick(PIECES) } }));
    else frames.push(frame(field === 'content' ? { content: pick(PIECES) } : { content: null, [field]: pick(PIECES) }));
  }
  return [...frames, frame({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })];
}

/** @param fast whether runs are read as such */
function readAll(bytes: Buffer, sizes: () => number, fast: boolean) {
  const parser = new SseParser();
  const frames = new StreamFrames(1);
  const read: ChatFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const to = at + sizes();
    parser.push(bytes.subarray(at, to));
    at = to;
    for (;;) {
      const item = parser.next(fast ? frames.like : null);
      if (item === undefined) break;
      frames.take(item, read);
    }
  }
  return { read, frames };
}

const wireOf = (frames: readonly ChatFrame[]): string =>
  frames.map((frame) => (frame instanceof TextRun ? frame.wire : `data: ${frame.text}\n\n`)).join('');

/** Per choice and field, all that was said. */
function saidIn(frames: readonly ChatFrame[]): Record<string, string> {
  const said: Record<string, string> = {};
  for (const { json } of frames) {
    for (const { index, delta } of json.choices ?? []) {
      for (const [field, value] of Object.entries(delta ?? {})) {
        if (typeof value === 'string') said[`${index} ${field}`] = (said[`${index} ${field}`] ?? '') + value;
      }
    }
  }
  return said;
}

describe('runs of frames', () => {
  it('say, forward and count what the frames one by one do, whatever stands in them, at any split', () => {
    let inRuns = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = seeded(seed);
      const sent = framesOf(random);
      const spaced = random() < 0.2;
      const text = sent.map((json) => `data: ${JSON.stringify(json, null, spaced ? 1 : 0).replaceAll('\n', '')}\n\n`);
      const bytes = Buffer.from(text.join('') + (random() < 0.5 ? 'data: [DONE]\n\n' : ''));
      const largest = [7, 150, 600, 100_000][seed % 4]!;
      const sizes = (): number => 1 + Math.floor(random() * largest);
      const fast = readAll(bytes, sizes, true);
      const slow = readAll(bytes, sizes, false);
      expect(wireOf(fast.read)).toBe(wireOf(slow.read));
      expect(saidIn(fast.read)['0 content']).toBe(saidIn(slow.read)['0 content']);
      expect(saidIn(fast.read)['0 reasoning_content']).toBe(saidIn(slow.read)['0 reasoning_content']);
      const { complete, allFinished, hasAnswer, failure } = slow.frames;
      expect(fast.frames).toMatchObject({ complete, allFinished, hasAnswer, failure });
      const runs = fast.read.filter((frame) => frame instanceof TextRun);
      expect(fast.read.length - runs.length + runs.reduce((sum, run) => sum + run.frames, 0)).toBe(slow.read.length);
      inRuns += runs.reduce((sum, run) => sum + run.frames, 0);
    }
    expect(inRuns).toBeGreaterThan(2_000);
  });

  it('are a frame like any other to whoever asks', () => {
    const first = { id: 'c', choices: [{ index: 2, delta: { content: 'a' }, finish_reason: null }] };
    const next = (content: string) => ({ ...first, choices: [{ ...first.choices[0]!, delta: { content } }] });
    const text = [first, next('b"'), next('c')].map((json) => `data: ${JSON.stringify(json)}\n\n`).join('');
    const { read } = readAll(Buffer.from(text), () => 10_000, true);
    expect(read).toHaveLength(2);
    expect(read[1]).toMatchObject({ frames: 2, piece: 'b"c', index: 2, field: 'content' });
    expect(read[1]?.json).toEqual(next('b"c'));
    expect(JSON.parse(read[1]!.text)).toEqual(next('b"c'));
  });

  it.each([
    ['a piece that is no JSON', 'b\\x'],
    ['a raw control character', 'b\u0001'],
  ])('take no frame with %s', (_, piece) => {
    const frame = (content: string) => `data: {"choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;
    const { read, frames } = readAll(Buffer.from(frame('a') + frame(piece) + frame('c')), () => 10_000, true);
    expect(read.map(({ json }) => json.choices?.[0]?.delta?.content)).toEqual(['a', 'c']);
    expect(frames.skipped).toBe(1);
  });
});
