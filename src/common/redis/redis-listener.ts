import { ownWords } from '../logging/outside-text.js';
import { Logger } from '@nestjs/common';
import { BackgroundWork } from '../background-work.js';
import type { RouterConfig } from '../config/config.schema.js';
import type { EntraRedisLogin } from './adapters/entra-redis-login.js';
import { createRedisClient, type RedisClient } from './adapters/redis-client.js';

/** Between two tries to sign in, milliseconds. */
export const RETRY_SIGN_IN_MS = 2_000;

/**
 * Hears one channel, on a connection of its own: one that listens can do nothing else. Word that is sent while it is away
 * is lost, so who waits for some also looks by itself now and then. That Redis is away is told by `RedisConnection`.
 */
export class RedisListener {
  private readonly logger = new Logger('stores');
  private readonly background = new BackgroundWork('stores');
  private disconnect: (() => Promise<void>) | null = null;
  private closed = false;

  constructor(
    private readonly channel: string,
    private readonly onMessage: (message: string) => void,
  ) {}

  /** Never rejects; connects again by itself. */
  async start(config: RouterConfig['redis'], entra: EntraRedisLogin | null): Promise<void> {
    try {
      const { client, close } = await createRedisClient(config, entra, () => undefined);
      this.disconnect = close;
      client.on('message', (channel: string, message: string) => {
        if (channel === this.channel) this.onMessage(message);
      });
      client.on('ready', () => this.subscribe(client));
      if (client.status === 'ready') this.subscribe(client);
      if (this.closed) await close();
    } catch (error) {
      // only the first sign-in can fail here; the client connects again by itself
      this.logger.debug(`channel ${this.channel} is not heard: ${ownWords(error)}`);
      this.background.after(`listening to ${this.channel}`, RETRY_SIGN_IN_MS, () => this.start(config, entra));
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.background.cancel();
    await this.disconnect?.();
  }

  private subscribe(client: RedisClient): void {
    this.background.launch(`listening to ${this.channel}`, async () => {
      await client.subscribe(this.channel).catch((error: Error) => {
        this.logger.debug(`channel ${this.channel} is not heard: ${ownWords(error)}`);
      });
    });
  }
}
