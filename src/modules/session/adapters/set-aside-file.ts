import { appendFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../../common/make-folder.js';
import type { PendingTurn } from '../turn-outbox.js';
import { toDocument } from '../turn-document.js';

/** No more than this is kept, bytes. */
const MOST_BYTES = 16_777_216;

/** Where a replica without Redis keeps turns that no store takes: one JSON object a line, for the operator to look at. */
export class SetAsideFile {
  readonly path = join(process.env['ROUTER_DATA_DIR'] || 'data', 'turns-set-aside.jsonl');

  /** @returns whether there was room */
  async add({ key, turn }: PendingTurn, why: string): Promise<boolean> {
    const { size } = await stat(this.path).catch(() => {
      makeFolder(dirname(this.path));
      return { size: 0 };
    });
    if (size + turn.bytes > MOST_BYTES) return false;
    const line = { tenant: key.tenant, session: key.sessionId, why, turn: toDocument(turn.turn) };
    await appendFile(this.path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    return true;
  }
}
