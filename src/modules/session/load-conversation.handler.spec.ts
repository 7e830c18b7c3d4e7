import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Overloaded } from '../../common/app-error.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { sampleTurn } from '../../../test/contract/session-samples.js';
import { LoadConversationHandler } from './load-conversation.handler.js';
import { LoadConversationQuery } from './session.messages.js';
import { SessionReader } from './session-reader.js';
import type { SessionStores } from './session-stores.js';
import { toStoredTurn, type StoredTurn } from './stored-turn.js';
import type { TurnPage } from './turn-store.js';

const TURN = toStoredTurn(sampleTurn(1), 30);
/** What a read of the store comes to; `ms` is its deadline. */
type Read = (ms: number) => Promise<readonly StoredTurn[]>;
const away = (): never => {
  throw new StoreUnavailable('away');
};
const hangs: Read = async (ms) => delay(ms).then(away);
const refuses: Read = async () => away();
const answersAfter =
  (ms: number): Read =>
  async () =>
    delay(ms, [TURN]);

beforeAll(() => Logger.overrideLogger(false));

/** Loads a conversation whose hot tail is away. `reads` one after the other, the last one for all that follow. */
async function loaded(...reads: readonly Read[]) {
  const startedAt: number[] = [];
  let [unanswered, most] = [0, 0];
  const from = performance.now();
  const newest = async (_: unknown, __: unknown, ___: unknown, lastResortMs = 0): Promise<TurnPage> => {
    const read = reads[Math.min(startedAt.length, reads.length - 1)]!;
    startedAt.push(performance.now() - from);
    most = Math.max(most, (unanswered += 1));
    try {
      return { turns: await read(lastResortMs), next: null };
    } finally {
      unanswered -= 1;
    }
  };
  const unread = { turns: [], complete: false, mark: 0, erasedAt: null, usable: false };
  const stores = {
    hotTail: { read: async () => unread },
    outboxes: { memory: { of: () => [] } },
    turnStore: { newest },
  } as unknown as SessionStores;
  const config = new LiveConfig(routerConfigSchema.parse({}), null);
  const handler = new LoadConversationHandler(config, stores, new SessionReader(stores));
  const query = new LoadConversationQuery({ tenant: 't', user: 'u' } as LoadConversationQuery['caller'], 's');
  const answer = await handler.execute(query).catch((error: unknown) => error);
  return { answer, startedAt, most, ms: performance.now() - from };
}

describe('LoadConversationHandler, where the turn store is all there is', () => {
  it('asks a store that hangs twice, the second time after 250 ms', async () => {
    const { answer, startedAt, most } = await loaded(hangs);
    expect(answer).toBeInstanceOf(Overloaded);
    expect(most).toBe(2);
    expect(startedAt).toHaveLength(2);
    expect(startedAt[1]).toBeGreaterThan(240);
  });

  it('asks again and again beside one that hangs while the store says no', async () => {
    const { answer, startedAt, most } = await loaded(hangs, refuses, answersAfter(0));
    expect(answer).toMatchObject({ turns: [TURN.turn] });
    expect(most).toBe(2);
    expect(startedAt).toHaveLength(3);
    expect(startedAt[2]! - startedAt[1]!).toBeGreaterThan(45);
  });

  it.each<[string, Read[], number]>([
    ['a slow first answer', [answersAfter(350), hangs], 2],
    ['a second answer where the first is lost', [hangs, answersAfter(10)], 2],
    ['an answer behind a no', [refuses, answersAfter(0)], 2],
    ['a slow answer beside one that says no until the end', [answersAfter(480), refuses], 8],
  ])('takes %s', async (_, reads, most) => {
    const { answer, startedAt } = await loaded(...reads);
    expect(answer).toMatchObject({ turns: [TURN.turn] });
    expect(startedAt.length).toBeLessThanOrEqual(most);
  });
});
