import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { inTime } from '../../common/in-time.js';
import { ContextLengthExceeded, Overloaded, PreviousResponseNotFound } from '../../common/app-error.js';
import { LineLimit } from '../../common/logging/line-limit.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { Beginning } from './erasure.js';
import type { TailReading } from './hot-tail.js';
import { SessionStores } from './session-stores.js';
import { chainOf, type ResponseChain } from './response-chain.js';
import { MOST_TURNS, SessionReader } from './session-reader.js';
import { LoadConversationQuery, type Conversation, type ConversationPart, type Turn } from './session.messages.js';
import type { SessionKey } from '../../common/session-id.js';
import { mergeTurns, type StoredTurn } from './stored-turn.js';
import { ownWords } from '../../common/logging/outside-text.js';

const RETRY_SECONDS = 1;
/** Both stores together may keep a caller so long; the hot tail takes 250 ms of them, or more after a pause of this process. */
const READ_WITHIN_MS = 500;
const LEAST_READ_MS = 250;
/** A read that takes longer, or half of what is left, may be lost. */
const READ_AGAIN_AFTER_MS = 250;
/** Between two reads of a store that says no. */
const READ_AGAIN_PAUSE_MS = 50;

/**
 * From the hot tail; on a miss from the turn store, which then refills the tail. While one of the two is away the other
 * has to do; without both nothing is known about the session, and answering as if it were new would be a lie.
 */
@QueryHandler(LoadConversationQuery)
export class LoadConversationHandler implements IQueryHandler<LoadConversationQuery> {
  private readonly logger = new Logger('session');
  private readonly lines = new LineLimit('session');

  constructor(
    private readonly config: LiveConfig,
    private readonly stores: SessionStores,
    private readonly reader: SessionReader,
  ) {}

  async execute({ caller, sessionId, part }: LoadConversationQuery): Promise<Conversation> {
    const key = { tenant: caller.tenant, sessionId };
    const newest = await this.newest(key);
    if (part.upTo === null && !part.isWhole) return newest;
    return { ...newest, turns: await this.part(key, newest.turns, part) };
  }

  /** @param newest what there is, or as much as is read at once */
  private async part(key: SessionKey, newest: readonly Turn[], part: ConversationPart): Promise<readonly Turn[]> {
    const { maxTurns } = this.config.current.sessions;
    const hasAll = newest.length < maxTurns;
    const known = partOf(newest, part.upTo, hasAll);
    if (known?.isWhole) return part.isWhole ? known.turns : known.turns.slice(-maxTurns);
    if (hasAll) throw known ? brokenChain() : unknownResponse();
    const turns = await this.reader.backTo(key, nothing);
    const found = partOf(turns, part.upTo, turns.length < MOST_TURNS);
    if (!found) throw unknownResponse();
    if (!found.isWhole && turns.length < MOST_TURNS) throw brokenChain();
    if (!part.isWhole) return found.turns.slice(-maxTurns);
    if (found.isWhole) return found.turns;
    throw new ContextLengthExceeded(
      `The conversation has more than ${MOST_TURNS} turns. Send truncation: "auto" to go on with the newest of them.`,
      'truncation',
    );
  }

  private async newest(key: SessionKey): Promise<Conversation> {
    const startedAt = performance.now();
    const held = await this.stores.hotTail.read(key);
    const began = this.beginning(key, held);
    const pending = this.stores.outboxes.memory.of(key);
    if (held.complete) return this.conversation(mergeTurns(held.turns, pending), await began);
    const stored = await (held.usable ? this.fromStore(key) : this.fromStoreAlone(key, startedAt + READ_WITHIN_MS));
    if (!stored && !held.usable) {
      throw new Overloaded('The conversation cannot be read at the moment. Try again.', RETRY_SECONDS);
    }
    if (stored && held.usable) await this.stores.hotTail.fill(key, stored, held.mark);
    return this.conversation(mergeTurns(mergeTurns(stored ?? [], held.turns), pending), await began);
  }

  /** The turn store is asked where no hot tail is shared; while the shared one is away, the clocks have to do. Never rejects. */
  private async beginning(key: SessionKey, { erasedAt, usable }: TailReading): Promise<Beginning> {
    const at = Date.now();
    if (erasedAt !== null || !usable) return { at, erasedBefore: erasedAt };
    try {
      return { at, erasedBefore: (await this.stores.turnStore.erasedAt(key)) ?? 0 };
    } catch (error) {
      this.logger.debug(`erasures are not known: ${ownWords(error)}`);
      return { at, erasedBefore: null };
    }
  }

  /** Where the store is all there is, neither a slow answer nor a lost one refuses the request: it is asked again beside it. */
  private async fromStoreAlone(key: SessionKey, until: number): Promise<readonly StoredTurn[] | null> {
    const left = Math.max(LEAST_READ_MS, until - performance.now());
    const first = this.fromStore(key, Math.ceil(left));
    const early = await inTime(first, Math.min(READ_AGAIN_AFTER_MS, left / 2), null);
    if (early) return early;
    const again = this.fromStoreAgain(key, until);
    return (await Promise.race([first, again])) ?? (await first) ?? again;
  }

  /** One read at a time: a store that hangs must not collect them. */
  private async fromStoreAgain(key: SessionKey, until: number): Promise<readonly StoredTurn[] | null> {
    for (let left = until - performance.now(); left > 0; left = until - performance.now()) {
      const stored = await this.fromStore(key, Math.ceil(left));
      if (stored) return stored;
      await delay(READ_AGAIN_PAUSE_MS);
    }
    return null;
  }

  private async fromStore(key: SessionKey, lastResortMs?: number): Promise<readonly StoredTurn[] | null> {
    try {
      const { maxTurns } = this.config.current.sessions;
      const { turns } = await this.stores.turnStore.newest(key, maxTurns, null, lastResortMs);
      return turns.toReversed();
    } catch (error) {
      const isDefect = !(error instanceof StoreUnavailable);
      if (isDefect && this.lines.allows('conversations that could not be read')) this.logger.error(error);
      this.logger.debug(`conversation taken from memory alone: ${ownWords(error)}`);
      return null;
    }
  }

  private conversation(stored: readonly StoredTurn[], began: Beginning): Conversation {
    return { began, turns: stored.slice(-this.config.current.sessions.maxTurns).map(({ turn }) => turn) };
  }
}

/** @param hasAll whether these are all turns of the session @returns `null` where the response is not among them */
const partOf = (turns: readonly Turn[], upTo: string | null, hasAll: boolean): ResponseChain | null =>
  upTo === null ? { turns, isWhole: hasAll } : chainOf(turns, upTo, hasAll);

const nothing = (): boolean => false;

const brokenChain = (): PreviousResponseNotFound =>
  new PreviousResponseNotFound(
    'previous_response_id: there is this response, but one before it was deleted, or its time is over, so the ' +
      'conversation has a gap. Send it as input.',
    'previous_response_id',
  );

const unknownResponse = (): PreviousResponseNotFound =>
  new PreviousResponseNotFound(
    'previous_response_id: there is no such response, or it was not stored, was deleted, or its time is over. Send the ' +
      'conversation as input.',
    'previous_response_id',
  );
