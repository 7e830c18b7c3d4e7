import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CommandBus, EventBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import { sessionName, type SessionKey } from '../../common/session-id.js';
import { StoreUnavailable } from '../../common/store-unavailable.js';
import { ForgetCachedAnswersCommand } from '../cache/cache.messages.js';
import { ForgetKeptAnswersCommand } from '../idempotency/idempotency.messages.js';
import { sessionNotFound, SessionReader, storeAway } from './session-reader.js';
import { SessionErasedEvent } from './session.messages.js';
import { SessionStores } from './session-stores.js';

const EVERY_MS = 1_000;

/** Erases sessions everywhere, and removes from the memory of this process, within a second, what other replicas erased. */
@Injectable()
export class SessionErasure implements OnModuleInit {
  private readonly background = new BackgroundWork('session');

  constructor(
    private readonly reader: SessionReader,
    private readonly stores: SessionStores,
    private readonly commands: CommandBus,
    private readonly events: EventBus,
  ) {}

  onModuleInit(): void {
    if (this.stores.erasures) this.background.repeat('reading erasures', EVERY_MS, () => this.readNews());
  }

  async stop(): Promise<void> {
    await this.background.stop();
  }

  /**
   * Deletes the session from every store and outbox, with the answers kept for keys and in the cache, and tells the other replicas. What
   * can be reached goes even when a store is away; the caller is then told to repeat, because the rest is still there.
   *
   * @throws SessionNotFound, Overloaded
   */
  async erase(key: SessionKey): Promise<void> {
    const held = await this.reader.held(key);
    const own = await this.numberOf(key);
    // The hot tail first: a turn that is stored from now on finds the erasure there, one that was stored before is found.
    const [tail] = await Promise.allSettled([this.stores.hotTail.erase(key, own)]);
    const at = tail.status === 'fulfilled' ? tail.value : own;
    this.stores.latestTurns.delete(sessionName(key));
    this.stores.indexWriter.forget(key, at);
    await this.stores.indexWriter.flush();
    // Then the turn store: it leaves a mark, and a turn that is delivered late is dropped from then on.
    const [turns] = await Promise.allSettled([this.stores.turnStore.erase(key, at)]);
    const [entry, ...rest] = await Promise.allSettled([
      this.stores.index.erase(key),
      this.stores.outboxes.erase(key),
      this.commands.execute(new ForgetKeptAnswersCommand(key)),
      this.commands.execute(new ForgetCachedAnswersCommand(key)),
      this.stores.erasures?.post(key, at),
    ]);
    for (const outcome of [tail, turns, entry, ...rest]) if (outcome.status === 'rejected') throw causeOf(outcome);
    const found = [turns, entry].some((outcome) => outcome.status === 'fulfilled' && outcome.value);
    if (!found && held.length === 0) throw sessionNotFound(key);
    this.events.publish(new SessionErasedEvent(key));
  }

  /** Of an erasure now: about the time, and larger than those before. */
  private async numberOf(key: SessionKey): Promise<number> {
    const before = await this.stores.turnStore.erasedAt(key).catch(() => null);
    return Math.max(Date.now(), (before ?? 0) + 1);
  }

  /** What was written after the erasure is a new conversation and stays. */
  private async readNews(): Promise<void> {
    for (const { key, at } of (await this.stores.erasures?.news()) ?? []) {
      this.stores.latestTurns.delete(sessionName(key));
      this.stores.indexWriter.forget(key, at);
      this.stores.outboxes.memory.forget(key, at);
      this.events.publish(new SessionErasedEvent(key));
    }
  }
}

const causeOf = ({ reason }: PromiseRejectedResult): unknown =>
  reason instanceof StoreUnavailable ? storeAway() : (reason as unknown);
