import type { FrameTemplate } from '../../../common/text-run.js';
import { SseError, SseEventTooLarge, SseParser, type SseItem } from './sse-parser.js';

/** Feeds the text in pieces of `size` bytes. */
function parse(text: string, size = Infinity): SseItem[] {
  const parser = new SseParser();
  const bytes = Buffer.from(text);
  const out: SseItem[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    parser.push(bytes.subarray(at, at + size));
    out.push(...itemsOf(parser));
  }
  parser.end();
  return [...out, ...itemsOf(parser)];
}

function itemsOf(parser: SseParser, like: FrameTemplate | null = null): SseItem[] {
  const out: SseItem[] = [];
  for (let item = parser.next(like); item !== undefined; item = parser.next(like)) out.push(item);
  return out;
}

describe('SseParser', () => {
  const cases: [string, string, string[]][] = [
    ['one event', 'data: {"a":1}\n\n', ['{"a":1}']],
    ['no space after the colon', 'data:{"a":1}\n\n', ['{"a":1}']],
    ['CRLF', 'data: 1\r\n\r\ndata: 2\r\n\r\n', ['1', '2']],
    ['lone CR', 'data: 1\r\rdata: 2\r\r', ['1', '2']],
    ['comments and other fields', ': hi\nevent: x\nid: 3\nretry: 1\ndata: 1\n\n', ['1']],
    ['data over two lines', 'data: {\ndata: }\n\n', ['{\n}']],
    ['blank events', '\n\n\ndata: 1\n\n\n\n', ['1']],
    ['no final blank line', 'data: 1\n\ndata: 2', ['1', '2']],
    ['byte order mark', '\uFEFFdata: 1\n\n', ['1']],
    ['more than ASCII', 'data: "größe 你好 👋🏽"\n\n', ['"größe 你好 👋🏽"']],
  ];
  it.each(cases)('%s, at any split', (_name, text, expected) => {
    for (const size of [Infinity, 1, 2, 3, 5]) expect(parse(text, size)).toEqual(expected);
  });

  it.each([
    ['event: error', 'event: error\ndata: {"code":400}\n\n', '{"code":400}'],
    ['event:error after its data', 'data: x\nevent:error\n\n', 'x'],
    ['the field error of older llama.cpp', 'error: {"code":400}\n\n', '{"code":400}'],
    ['a line of its own', '{"error": "engine died"}\n\n', '{"error": "engine died"}'],
    ['no data', 'event: error\n\n', ''],
  ])('F45 tells an error by %s, at any split', (_name, text, data) => {
    for (const size of [Infinity, 1, 2, 3]) {
      expect(parse(`data: 1\n\n${text}data: 2\n\n`, size)).toEqual(['1', new SseError(data), '2']);
    }
  });

  it('F62 counts comments', () => {
    const parser = new SseParser();
    for (const part of [': keep-', 'alive\n\n:\n', 'data: 1\n\n']) {
      parser.push(Buffer.from(part));
      itemsOf(parser);
    }
    expect(parser.comments).toBe(2);
  });

  it('refuses an event without end instead of keeping it', () => {
    const parser = new SseParser();
    const piece = Buffer.alloc(1024 * 1024, 'a');
    expect(() => {
      for (let i = 0; i < 10; i += 1) {
        parser.push(piece);
        itemsOf(parser);
      }
    }).toThrow(SseEventTooLarge);
  });
});
