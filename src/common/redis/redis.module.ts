import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { LiveConfig } from '../config/live-config.js';
import { RedisConnection } from './redis-connection.js';

/** One connection for all modules. Nest shuts modules down in the order of their distance, this one last. */
@Global()
@Module({
  providers: [
    {
      provide: RedisConnection,
      useFactory: (c: LiveConfig) => new RedisConnection(c.current.redis),
      inject: [LiveConfig],
    },
  ],
  exports: [RedisConnection],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(private readonly connection: RedisConnection) {}

  async onApplicationShutdown(): Promise<void> {
    await this.connection.close();
  }
}
