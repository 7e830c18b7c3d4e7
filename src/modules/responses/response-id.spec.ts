import fc from 'fast-check';
import { ulid } from 'ulid';
import {
  codeOf,
  createdAt,
  itemIdOf,
  ownSessionId,
  readResponseId,
  responseIdOf,
  responseOfItem,
} from './response-id.js';

const aUlid = fc.nat({ max: 2_000_000_000_000 }).map((time) => ulid(time));
const aSession = fc.oneof(
  aUlid.map(ownSessionId),
  fc.stringMatching(/^[A-Za-z0-9._:-]{1,128}$/).filter((id) => id !== '.' && id !== '..'),
);
const aName = fc.oneof(
  fc.record({ ulid: aUlid, sessionId: aSession }),
  aUlid.map((own) => ({ ulid: own, sessionId: ownSessionId(own) })),
);

describe('ids of responses', () => {
  it('say which response of which session, with nothing to look up', () => {
    fc.assert(
      fc.property(aName, (name) => {
        expect(readResponseId(responseIdOf(codeOf(name)))).toEqual(name);
      }),
    );
  });

  it('are in the ids of their items', () => {
    fc.assert(
      fc.property(aName, fc.constantFrom('rs', 'msg', 'fc', 'ctc'), fc.nat({ max: 99 }), (name, kind, at) => {
        expect(responseOfItem(itemIdOf(kind, at, codeOf(name)))).toEqual(name);
      }),
    );
  });

  it('are short where a response begins its session', () => {
    const own = ulid();
    expect(codeOf({ ulid: own, sessionId: ownSessionId(own) })).toHaveLength(23);
  });

  it('say when the response began', () => {
    expect(createdAt({ ulid: ulid(1_790_000_000_999), sessionId: 's' })).toBe(1_790_000_000);
  });

  it('are read in the one way in which they are written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^A[A-Za-z0-9_-]{22,60}$/)), (text) => {
        const name = readResponseId(`resp_${text}`);
        if (name) expect(codeOf(name)).toBe(text);
      }),
    );
  });

  it('have no second spelling: bits that no byte has are zero', () => {
    const own = ulid();
    const code = codeOf({ ulid: own, sessionId: ownSessionId(own) });
    const spare = [1, 2, 3].map((bits) => String.fromCharCode(code.charCodeAt(22) + bits));
    const others = spare.map((last) => code.slice(0, -1) + last);
    expect(others.map((other) => readResponseId(responseIdOf(other)))).toEqual([null, null, null]);
  });

  it.each(['resp_', 'resp_123', 'chatcmpl-1', `resp_${'_'.repeat(23)}`, `resp_${'A'.repeat(400)}`, '__proto__'])(
    'are none: %s',
    (id) => expect(readResponseId(id)).toBeNull(),
  );
});
