import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { EventBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import { RedisConnection } from '../../common/redis/redis-connection.js';
import { RedisFeed, type News } from '../../common/redis/redis-feed.js';
import type { SessionKey } from '../../common/session-id.js';
import { AnswersForgottenEvent } from './cache.messages.js';
import { MemoryAnswers } from './memory-answers.js';
import { SharedAnswers } from './shared-answers.js';

/** Longer than a replica does without Redis, milliseconds. */
const NEWS_KEPT_MS = 86_400_000;
const LOOK_EVERY_MS = 500;
/** A replica that starts reads what was told so shortly before; the more it is, the more is forgotten in vain. */
const CLOCK_SLACK_MS = 5_000;

/**
 * Forgets answers everywhere: in Redis, in the memory of this replica and, within half a second, in that of the others. What
 * is being made meanwhile is not kept either: each replica empties the entries in Redis once more when it hears of it.
 */
@Injectable()
export class Forgetting implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly background = new BackgroundWork('cache');
  private readonly feed: RedisFeed;

  constructor(
    redis: RedisConnection,
    private readonly events: EventBus,
    private readonly memory: MemoryAnswers,
    private readonly shared: SharedAnswers,
  ) {
    this.feed = new RedisFeed(redis, '{cache}:forgotten', NEWS_KEPT_MS, CLOCK_SLACK_MS);
  }

  onApplicationBootstrap(): void {
    if (!this.shared.configured) return;
    this.background.repeat('reading what the other replicas forget', LOOK_EVERY_MS, () => this.readNews());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  /**
   * Every answer to these; `null` = all tenants, all model names.
   *
   * @returns how many there were: in Redis, or in the memory of this replica where there is no Redis
   * @throws StoreUnavailable when some may still be there
   */
  async forgetAll(tenant: string | null, model: string | null): Promise<number> {
    const news = { tenant, model, at: Date.now() };
    const here = this.forgetHere(news);
    if (!this.shared.configured) return here;
    const count = await this.shared.forget(news);
    this.forgetHere(news); // a request may have found it in Redis meanwhile
    const names = { ...(tenant === null ? {} : { tenant }), ...(model === null ? {} : { model }) };
    await this.feed.post({ ...names, at: String(news.at) });
    return count;
  }

  /** What was answered in a session, which the other replicas hear of by themselves. @throws as `forgetAll` */
  async forgetSession(session: SessionKey): Promise<void> {
    this.memory.forget(session);
    if (!this.shared.configured) return;
    await this.shared.forget(session);
    this.memory.forget(session);
  }

  /** As `forgetSession`, when another replica has erased it. */
  forgetSessionSoon(session: SessionKey): void {
    this.memory.forget(session);
    if (this.shared.configured)
      this.background.launch('forgetting the answers of a session', () => this.forgetSession(session));
  }

  /** From the memory first, whatever happens to Redis; what could not be done there is done again. */
  private async readNews(): Promise<void> {
    const all = (await this.feed.news()).map(forgottenIn);
    for (const news of all) this.forgetHere(news);
    for (const news of all) {
      await this.shared.forget(news);
      this.forgetHere(news);
    }
    this.feed.done();
  }

  private forgetHere({ tenant, model, at }: ForgottenNews): number {
    this.events.publish(new AnswersForgottenEvent(tenant, model));
    return this.memory.forget({ tenant, model }, at);
  }
}

interface ForgottenNews {
  readonly tenant: string | null;
  readonly model: string | null;
  /** Epoch milliseconds, by the clock of the replica that was asked. */
  readonly at: number;
}

const forgottenIn = (news: News): ForgottenNews => ({
  tenant: news.get('tenant') ?? null,
  model: news.get('model') ?? null,
  at: Number(news.get('at')) || Date.now(),
});
