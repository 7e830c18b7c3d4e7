import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { LineLimit } from '../../common/logging/line-limit.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { RedisAnswerStore } from './adapters/redis.answer-store.js';
import { CacheSecret } from './cache-secret.js';
import type { Forgotten } from './forgotten.js';
import { leftMsOf, stateOf, type KeptAnswer } from './kept-answer.js';
import { sealed, unsealed } from './sealed-answer.js';

/** Names of answers that a caller has had made anew. */
const REPLACED = 'cache:replaced';

/**
 * The answers that the replicas share through Redis. Nothing that is there is believed: what was not sealed by a replica of
 * this service is a miss and a line in the log. Every method rejects with `StoreUnavailable` while Redis cannot be used.
 */
@Injectable()
export class SharedAnswers {
  private readonly logger = new Logger('cache');
  private readonly lines = new LineLimit('cache');
  private readonly store: RedisAnswerStore;
  private readonly replica = randomUUID();

  constructor(
    private readonly redis: RedisConnection,
    private readonly secret: CacheSecret,
  ) {
    this.store = new RedisAnswerStore(redis);
  }

  /** `false`: there is one replica, and its memory. */
  get configured(): boolean {
    return this.redis.configured;
  }

  nameOf(key: string): string {
    return this.secret.nameOf(key);
  }

  /** An answer that may be given, fresh or stale. What is none is deleted, so that it is told of once. */
  async read(key: string): Promise<KeptAnswer | null> {
    const { current } = this.secret;
    const name = this.nameOf(key);
    const entry = await this.store.read(name);
    if (entry === null) return null;
    const kept = entry === 'foreign' ? 'no text of ours' : unsealed(current, name, entry.text);
    if (typeof kept !== 'string') return stateOf(kept, Date.now()) === null ? null : kept;
    const isTold = this.lines.allows(`entries of the cache in Redis that were not read (${kept})`);
    this.logger[isTold ? 'warn' : 'debug'](
      `an entry of the cache in Redis was not read: ${kept}; somebody else writes there`,
    );
    await this.store.remove(name);
    return null;
  }

  /** Can be read by others when this resolves, and found to be forgotten once `enter` has, too. */
  async write(key: string, kept: KeptAnswer): Promise<void> {
    const name = this.nameOf(key);
    await this.store.write(name, sealed(this.secret.current, name, kept), leftFor(kept));
  }

  /** Writes down whose it is; where that cannot be done the entry goes: one that nobody can find could not be forgotten. */
  async enter(key: string, kept: KeptAnswer): Promise<void> {
    const name = this.nameOf(key);
    try {
      await this.store.enter(name, leftFor(kept), kept);
    } catch (error) {
      await this.store.remove(name);
      throw error;
    }
  }

  remove(key: string): Promise<void> {
    return this.store.remove(this.nameOf(key));
  }

  /** Tells the other replicas that there is a newer one than they may have in memory. */
  async tellReplaced(key: string): Promise<void> {
    await this.redis.run((client) => client.publish(REPLACED, `${this.replica} ${this.nameOf(key)}`));
  }

  /** @param onReplaced is told the names of answers of which there is a newer one; word can be lost */
  listen(onReplaced: (name: string) => void): void {
    this.redis.listen(REPLACED, (message) => {
      const [by, name = ''] = message.split(' ');
      if (by !== this.replica) onReplaced(name);
    });
  }

  /** @returns how many there were */
  forget(what: Forgotten): Promise<number> {
    return this.store.forget(what);
  }
}

/** How long Redis is to keep it, milliseconds. */
const leftFor = (kept: KeptAnswer): number => Math.max(1, Math.ceil(leftMsOf(kept, Date.now())));
