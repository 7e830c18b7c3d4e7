import { join } from 'node:path';
import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { LiveConfig } from '../../common/config/live-config.js';
import { ActiveSessions } from './active-sessions.js';
import { MemoryHotTail } from './adapters/memory.hot-tail.js';
import { SqliteFile } from './adapters/sqlite-file.js';
import { SqliteExpirySweep } from './adapters/sqlite.expiry-sweep.js';
import { SqliteSessionIndex } from './adapters/sqlite.session-index.js';
import { SqliteTurnStore } from './adapters/sqlite.turn-store.js';
import { AppendTurnHandler } from './append-turn.handler.js';
import { CheckSessionStoreHandler } from './check-session-store.handler.js';
import { CountActiveSessionsHandler } from './count-active-sessions.handler.js';
import { HotTail } from './hot-tail.js';
import { LoadConversationHandler } from './load-conversation.handler.js';
import { SessionArchive } from './session-archive.js';
import { SessionIndex } from './session-index.js';
import { SessionController } from './session.controller.js';
import { TurnStore } from './turn-store.js';

const MAX_HOT_SESSIONS = 10_000;
const MAX_HOT_BYTES = 67_108_864;

/** `router.db` in the folder named by ROUTER_DATA_DIR, else in `data` under the working directory. */
const databasePath = (): string => join(process.env['ROUTER_DATA_DIR'] || 'data', 'router.db');

const createHotTail = (config: LiveConfig, file: SqliteFile): MemoryHotTail =>
  new MemoryHotTail(
    () => {
      const { ttlSeconds, maxTurns } = config.current.sessions;
      return { ttlMs: ttlSeconds * 1000, maxTurns, maxSessions: MAX_HOT_SESSIONS, maxBytes: MAX_HOT_BYTES };
    },
    () => file.foreignWrites(),
  );

@Module({
  imports: [CqrsModule],
  controllers: [SessionController],
  providers: [
    { provide: SqliteFile, useFactory: () => new SqliteFile(databasePath()) },
    { provide: TurnStore, useFactory: (file: SqliteFile) => new SqliteTurnStore(file), inject: [SqliteFile] },
    { provide: SessionIndex, useFactory: (file: SqliteFile) => new SqliteSessionIndex(file), inject: [SqliteFile] },
    { provide: SqliteExpirySweep, useFactory: (file: SqliteFile) => new SqliteExpirySweep(file), inject: [SqliteFile] },
    { provide: HotTail, useFactory: createHotTail, inject: [LiveConfig, SqliteFile] },
    ActiveSessions,
    SessionArchive,
    LoadConversationHandler,
    AppendTurnHandler,
    CheckSessionStoreHandler,
    CountActiveSessionsHandler,
  ],
})
export class SessionModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly file: SqliteFile,
    private readonly expirySweep: SqliteExpirySweep,
  ) {}

  /** The first sweep opens the file; one that cannot be opened is logged and the service goes on without it. */
  onModuleInit(): void {
    this.expirySweep.start();
  }

  onApplicationShutdown(): void {
    this.expirySweep.stop();
    this.file.close();
  }
}
