import { hash } from 'node:crypto';
import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundWork } from '../background-work.js';
import type { RouterConfig } from '../config/config.schema.js';
import { firstLine, ownWords } from '../logging/outside-text.js';
import { FIRST_ATTEMPT_MS, STARTING, type StoreCheck } from '../store-check.js';
import { StoreGuard } from '../store-guard.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { EntraRedisLogin } from './adapters/entra-redis-login.js';
import { createRedisClient, type OpenClient, type RedisClient } from './adapters/redis-client.js';
import { troubleOf, type RedisTrouble } from './redis-trouble.js';

/** Begins of the replies of a server that cannot be used as it is; every other reply is an answer. */
const UNWELL = /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|NOAUTH|WRONGPASS|MOVED)/;
/** A server that refuses some commands and is well otherwise: what it holds can still be read. */
const REFUSES = /^(OOM|MISCONF|NOPERM)/;
/** Written by the check: a server that only answers questions is no place for sessions and limits. */
const CHECK_KEY = '{router}:check';
const CHECK_KEPT_MS = 10_000;
/** Between two tries to sign in, milliseconds. */
const RETRY_SIGN_IN_MS = 2_000;
const NO_CONNECTION: RedisTrouble = { reason: 'no connection', cure: '' };
const NO_TOKEN: RedisTrouble = { reason: 'no token from Microsoft Entra', cure: '' };

/** Escaped, so that neither `:` nor braces of a name can make two owners share a key. */
export const escapedName = (part: string): string => encodeURIComponent(part.toWellFormed());

/** `{tenant:name}`: the hash tag that keeps all keys of one owner on one node of a cluster. */
export const hashTag = (tenant: string, name: string): string => `{${escapedName(tenant)}:${escapedName(name)}}`;

/** `{tenant}`: keeps what is counted for a tenant and its users on one node of a cluster. */
export const tenantTag = (tenant: string): string => `{${escapedName(tenant)}}`;

/** A Lua script; Redis knows it by its hash after the first call. */
export class RedisScript {
  private readonly sha: string;

  constructor(private readonly source: string) {
    this.sha = hash('sha1', source);
  }

  /** @param keys all with the same hash tag, as a cluster demands */
  async run(client: RedisClient, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await client.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return client.eval(this.source, keys.length, ...keys, ...args);
    }
  }
}

/**
 * The one connection to Redis that every adapter uses, behind one breaker. Without `redis.url` there is none, and
 * `configured` is false.
 */
export class RedisConnection implements OnApplicationBootstrap {
  private readonly logger = new Logger('stores');
  private readonly guard = new StoreGuard('redis', isAnswer);
  private client: RedisClient | null = null;
  /** Of this connection, and of the one that listens. */
  private readonly clients = new Set<OpenClient>();
  private readonly background = new BackgroundWork('stores');
  /** By channel. */
  private readonly listeners = new Map<string, ((message: string) => void)[]>();
  private listener: RedisClient | null = null;
  private isSubscribed = false;
  private closed = false;
  private attempted = false;
  private readonly startedAt = performance.now();
  private trouble = NO_CONNECTION;
  /** What the log has last said about this absence; `null` while Redis is there. */
  private told: RedisTrouble | null = null;
  private toldAt = 0;
  /** Refused at the moment, while the rest works. */
  private refusing: RedisTrouble | null = null;
  /** What the latest reply of a server that is not well said. */
  private unwell: RedisTrouble | null = null;

  /** @param entra how to sign in, with `redis.entra` */
  constructor(
    private readonly config: RouterConfig['redis'],
    private readonly entra: EntraRedisLogin | null = config.entra ? new EntraRedisLogin() : null,
  ) {}

  get configured(): boolean {
    return this.config.url !== '';
  }

  /** `false` while calls fail at once. */
  get usable(): boolean {
    return this.client?.status === 'ready' && this.guard.usable;
  }

  onApplicationBootstrap(): void {
    if (this.configured) this.background.launch('connecting to Redis', () => this.connect());
  }

  /** One call, within 250 ms. @throws StoreUnavailable */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    const { client } = this;
    // ioredis knows that there is no connection; asking the breaker too would only delay the return.
    if (client?.status !== 'ready') throw new StoreUnavailable('redis: not connected');
    return this.guard.run(async () => {
      try {
        return await work(client);
      } catch (error) {
        this.hear(error as Error);
        throw error;
      }
    });
  }

  /** Whether Redis takes a write now. Never rejects. */
  async check(): Promise<StoreCheck> {
    if (!this.attempted && performance.now() - this.startedAt < FIRST_ATTEMPT_MS) return STARTING;
    try {
      await this.run((client) => client.set(CHECK_KEY, '1', 'PX', CHECK_KEPT_MS));
      if (this.refusing) this.logger.log('redis takes everything again');
      this.refusing = null;
      return { healthy: true, detail: this.config.cluster ? 'Redis, cluster' : 'Redis' };
    } catch {
      const trouble = this.refusing ?? this.unwell;
      return { healthy: false, detail: trouble ? inWords(trouble) : this.guard.problem || inWords(this.trouble) };
    }
  }

  /**
   * Calls `onMessage` with what is published on the channel from now on, by any replica. On a second connection, for all
   * channels: one that listens can do nothing else. What is published while it is away is lost, so who waits for word also
   * looks by itself now and then.
   */
  listen(channel: string, onMessage: (message: string) => void): void {
    const others = this.listeners.get(channel);
    this.listeners.set(channel, [...(others ?? []), onMessage]);
    if (others) return;
    if (this.listeners.size === 1) this.background.launch('listening', () => this.openListener());
    else if (this.listener?.status === 'ready') this.subscribe(this.listener, [channel]);
  }

  /** Whether what is published now is heard. */
  get hears(): boolean {
    return this.isSubscribed && this.listener?.status === 'ready';
  }

  /** Called by the last one that needs it, at the end of a shutdown. */
  async close(): Promise<void> {
    this.closed = true;
    this.background.cancel();
    for (const { close } of this.clients) close();
  }

  /** A reply that says what is the matter; once the service has told it, only its end is news. */
  private hear(error: Error): void {
    if (error.name !== 'ReplyError') return;
    this.unwell = UNWELL.test(error.message) ? troubleOf(error) : null;
    if (this.refusing || !REFUSES.test(error.message)) return;
    this.refusing = troubleOf(error);
    if (this.refusing) this.logger.warn(`redis cannot be used for everything (${inWords(this.refusing)})`);
  }

  /** Once, and not for every try to connect again; what a person has to mend is told when it turns up. */
  private tellAway(details = ''): void {
    const { trouble } = this;
    if (this.closed || (this.told && (trouble.cure === '' || trouble.reason === this.told.reason))) return;
    if (!this.told) this.toldAt = performance.now();
    this.told = trouble;
    this.logger.warn(`redis cannot be used (${inWords(trouble)}${details}); trying again every second or two`);
  }

  private tellBack(): void {
    if (this.told) this.logger.log(`redis is back, after ${((performance.now() - this.toldAt) / 1_000).toFixed(1)} s`);
    this.told = null;
    this.unwell = null;
    this.trouble = NO_CONNECTION;
  }

  private async openListener(): Promise<void> {
    try {
      const client = await this.open(() => undefined);
      this.listener = client;
      client.on('message', (channel: string, message: string) => {
        for (const listener of this.listeners.get(channel) ?? []) listener(message);
      });
      client.on('close', () => (this.isSubscribed = false));
      client.on('ready', () => this.subscribe(client, [...this.listeners.keys()]));
    } catch (error) {
      this.tellUnheard(error);
      this.background.after('listening', RETRY_SIGN_IN_MS, () => this.openListener());
    }
  }

  private subscribe(client: RedisClient, channels: readonly string[]): void {
    this.background.launch('listening', async () => {
      try {
        await client.subscribe(...channels);
        this.isSubscribed = true;
      } catch (error) {
        this.tellUnheard(error);
      }
    });
  }

  private tellUnheard(error: unknown): void {
    this.logger.debug(`other replicas are not heard: ${ownWords(error)}`);
  }

  /** Only the first sign-in can fail here; the client connects again by itself. */
  private async open(tell: (error: Error) => void): Promise<RedisClient> {
    const opened = await createRedisClient(this.config, this.entra, tell);
    this.clients.add(opened);
    if (this.closed) opened.close();
    return opened.client;
  }

  private async connect(): Promise<void> {
    try {
      const client = await this.open((error) => (this.trouble = troubleOf(error) ?? this.trouble));
      this.client = client;
      if (this.trouble === NO_TOKEN) this.trouble = NO_CONNECTION;
      client.on('close', () => {
        this.attempted = true;
        this.tellAway();
      });
      client.on('ready', () => {
        this.attempted = true;
        this.tellBack();
      });
    } catch (error) {
      this.attempted = true;
      this.trouble = NO_TOKEN;
      this.tellAway(`; ${firstLine(error as Error)}`);
      this.background.after('connecting to Redis', RETRY_SIGN_IN_MS, () => this.connect());
    }
  }
}

const inWords = ({ reason, cure }: RedisTrouble): string => (cure ? `${reason}: ${cure}` : reason);

const isAnswer = (error: Error): boolean => error.name === 'ReplyError' && !UNWELL.test(error.message);
