import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { UpstreamError } from '../../common/app-error.js';
import type { ChatChunk, Completion } from '../../common/chat.js';
import { ReaderIdle, SseBody, sseText } from './sse-body.js';

const frame = (json: Completion) => ({ text: JSON.stringify(json), json });
const text = (content: string): ChatChunk => ({ frames: [frame({ choices: [{ index: 0, delta: { content } }] })] });
const usage: ChatChunk = {
  frames: [frame({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } })],
};

async function* from(...items: (ChatChunk | Error)[]): AsyncGenerator<ChatChunk> {
  for (const item of items) {
    if (item instanceof Error) throw item;
    yield item;
  }
}

async function read(chunks: AsyncIterable<ChatChunk>, withUsage = false): Promise<string> {
  let out = '';
  for await (const piece of new SseBody(sseText(chunks, withUsage, () => undefined))) out += piece;
  return out;
}

describe('SSE body', () => {
  it('forwards frames as they came and ends with [DONE]', async () => {
    expect(await read(from(text('a'), text('b')))).toBe(
      'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"index":0,"delta":{"content":"b"}}]}\n\ndata: [DONE]\n\n',
    );
  });

  it('drops the usage chunk unless it was asked for', async () => {
    expect(await read(from(text('a'), usage))).not.toContain('usage');
    expect(await read(from(text('a'), usage), true)).toContain('usage');
  });

  it('keeps usage that comes with a choice', async () => {
    const both = {
      frames: [
        frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: usage.frames[0]!.json.usage! }),
      ],
    };
    expect(await read(from(both))).toContain('usage');
  });

  it('tells an error in-band, without [DONE] and without its cause', async () => {
    const out = await read(from(text('a'), new UpstreamError('broken off', null, { cause: 'http://10.0.0.1' })));
    expect(out).toMatch(
      /data: \{"error":\{"message":"broken off","type":"server_error","param":null,"code":"upstream_error"\}\}\n\n$/,
    );
    expect(out).not.toContain('[DONE]');
    expect(out).not.toContain('10.0.0.1');
  });

  it('hides an unexpected error', async () => {
    const out = await read(from(new TypeError('x is not a function')));
    expect(out).toContain('internal_error');
    expect(out).not.toContain('not a function');
  });

  it('gives up a reader who takes nothing, and ends the source', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<ChatChunk> {
      try {
        for (;;) yield text('a'.repeat(1_000));
      } finally {
        ended = true;
      }
    }
    const body = new SseBody(
      sseText(endless(), false, () => undefined),
      30,
    );
    body.read(0); // asks for the first piece; nobody takes the rest
    const [error] = await once(body, 'error');
    expect(error).toBeInstanceOf(ReaderIdle);
    expect(ended).toBe(true);
  });

  it('waits as long as it takes for a reader who is waiting for the model', async () => {
    const slow = (async function* () {
      yield text('a');
      await delay(120);
      yield text('b');
    })();
    let out = '';
    for await (const piece of new SseBody(
      sseText(slow, false, () => undefined),
      30,
    ))
      out += piece;
    expect(out).toContain('[DONE]');
  });

  it('ends the source when the reader goes away', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<ChatChunk> {
      try {
        for (;;) yield text('a');
      } finally {
        ended = true;
      }
    }
    const body = new SseBody(sseText(endless(), false, () => undefined));
    await new Promise((resolve) => body.once('data', resolve));
    await new Promise((resolve) => body.destroy().once('close', resolve));
    expect(ended).toBe(true);
  });
});
