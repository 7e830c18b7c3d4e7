import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { KeyedHash } from './cache-key.js';

const SHARED_SECRET = '{cache}:secret';
const SECRET_BYTES = 32;
/** Of a secret that was written here, and of `cache.secret`. */
const LEAST_CHARACTERS = 16;
const EVERY_MS = 1_000;
/** Until Redis is reached for the first time. */
const START_EVERY_MS = 10;
const START_ROUNDS = 200;
/** The first requests wait so long at most for it: keys that no other replica has would be as good as none. */
const FIRST_MS = 300;

/**
 * The secret of the cache: `cache.secret`, else one that the replicas share through Redis, else one of this process. It makes
 * the keys of answers, and names and seals them in Redis.
 */
@Injectable()
export class CacheSecret implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly background = new BackgroundWork('cache');
  private readonly configured: () => KeyedHash | null;
  /** Of this process, until Redis has another. */
  private shared = randomBytes(SECRET_BYTES).toString('base64url');
  private hashOfShared = new KeyedHash(this.shared);
  /** Whether it is what it is going to be, as far as can be known. */
  isSettled = true;
  private readonly settling = Promise.withResolvers<void>();

  constructor(
    config: LiveConfig,
    private readonly redis: RedisConnection,
  ) {
    this.configured = config.derived(({ cache }) => (cache.secret === '' ? null : new KeyedHash(cache.secret)));
  }

  get current(): KeyedHash {
    return this.configured() ?? this.hashOfShared;
  }

  /** Resolves when it is settled. */
  get settled(): Promise<void> {
    return this.settling.promise;
  }

  /** The name of an answer outside this process: whoever sees it does not see its key. */
  nameOf(key: string): string {
    return this.current.of(`name ${key}`);
  }

  onApplicationBootstrap(): void {
    if (!this.redis.configured) return;
    this.isSettled = this.configured() !== null;
    this.background.after('doing without a shared secret', FIRST_MS, () => this.settle());
    const what = 'agreeing on the secret of the cache';
    this.background.launch(what, (signal) => this.agreeSoon(signal));
    this.background.repeat(what, EVERY_MS, () => this.agree());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  private async agreeSoon(signal: AbortSignal): Promise<void> {
    for (let round = 0; round < START_ROUNDS && !this.redis.usable; round += 1) {
      await delay(START_EVERY_MS, undefined, { signal, ref: false });
    }
    await this.agree();
    this.settle();
  }

  private settle(): void {
    this.isSettled = true;
    this.settling.resolve();
  }

  /** What Redis has counts; a Redis that has lost it gets it again. @throws StoreUnavailable */
  private async agree(): Promise<void> {
    if (this.configured()) return;
    await this.redis.run((client) => client.set(SHARED_SECRET, this.shared, 'NX'));
    const secret = await this.redis.run((client) => client.get(SHARED_SECRET).catch(noText));
    if (secret === this.shared) return;
    if (secret === null || secret.length < LEAST_CHARACTERS) {
      await this.redis.run((client) => client.set(SHARED_SECRET, this.shared)); // nobody of us has put that there
      return;
    }
    this.shared = secret;
    this.hashOfShared = new KeyedHash(secret);
  }
}

/** A list or a set under the name is no secret. */
function noText(error: Error): null {
  if (error.message.startsWith('WRONGTYPE')) return null;
  throw error;
}
