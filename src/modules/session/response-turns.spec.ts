import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { callerOf, sentTurn, startSessionApp } from '../../../test/contract/session-app.js';
import { ContextLengthExceeded, NotFound, PreviousResponseNotFound } from '../../common/app-error.js';
import {
  AppendTurnCommand,
  DeleteResponseCommand,
  FindResponseQuery,
  LoadConversationQuery,
} from './session.messages.js';

const ACME = callerOf('acme');

// `sessions.maxTurns` is 3 there
describe('turns that are responses', () => {
  let folder: string;
  let app: NestFastifyApplication;

  const append = (n: number, previous: string | null, sessionId = 's') => {
    const turn = { ...sentTurn(n), response: { id: `r${n}`, previous, echo: { instructions: `be ${n}` } } };
    return app.get(CommandBus).execute(new AppendTurnCommand({ caller: ACME, sessionId, turn }));
  };
  const load = async (upTo: string | null, isWhole: boolean, sessionId = 's') => {
    const { turns } = await app.get(QueryBus).execute(new LoadConversationQuery(ACME, sessionId, { upTo, isWhole }));
    return turns.map(({ requestId }) => requestId);
  };
  const find = (id: string, caller = ACME) => app.get(QueryBus).execute(new FindResponseQuery(caller, 's', id));
  const remove = (id: string, caller = ACME) => app.get(CommandBus).execute(new DeleteResponseCommand(caller, 's', id));

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'router-responses-'));
    process.env['ROUTER_DATA_DIR'] = join(folder, 'data');
    app = await startSessionApp();
  });
  afterEach(async () => {
    await app.close();
    delete process.env['ROUTER_DATA_DIR'];
    rmSync(folder, { recursive: true, force: true });
  });

  it('go on each from its own, also where the newest turns do not reach back', async () => {
    await append(1, null);
    await append(2, 'r1');
    for (const n of [3, 4, 5, 6]) await append(n, n === 3 ? 'r1' : `r${n - 1}`);
    expect(await load('r2', true)).toEqual(['req-1', 'req-2']);
    expect(await load('r6', true)).toEqual(['req-1', 'req-3', 'req-4', 'req-5', 'req-6']);
    expect(await load('r6', false)).toEqual(['req-4', 'req-5', 'req-6']);
    expect(await load(null, true)).toHaveLength(6);
  });

  it('are not known by another name, in another session, or once deleted', async () => {
    await append(1, null);
    await append(2, 'r1');
    await expect(load('r9', true)).rejects.toBeInstanceOf(PreviousResponseNotFound);
    await expect(load('r1', true, 'other')).rejects.toBeInstanceOf(PreviousResponseNotFound);
    await remove('r1');
    await expect(load('r1', true)).rejects.toBeInstanceOf(PreviousResponseNotFound);
    await expect(load('r2', false)).rejects.toBeInstanceOf(PreviousResponseNotFound);
    await expect(find('r1')).rejects.toBeInstanceOf(NotFound);
    expect((await find('r2')).requestId).toBe('req-2');
  });

  it('are found with what was kept beside them, by their own tenant alone, after a restart too', async () => {
    for (const n of [1, 2, 3, 4, 5]) await append(n, n === 1 ? null : `r${n - 1}`);
    await app.close();
    app = await startSessionApp();
    expect((await find('r1')).response).toEqual({ id: 'r1', previous: null, echo: { instructions: 'be 1' } });
    await expect(find('r1', callerOf('globex'))).rejects.toBeInstanceOf(NotFound);
    await expect(remove('r1', callerOf('globex'))).rejects.toBeInstanceOf(NotFound);
  });

  it('take their session with them when the last one is deleted', async () => {
    await append(1, null);
    await remove('r1');
    await expect(find('r1')).rejects.toBeInstanceOf(NotFound);
    expect(await load(null, true)).toEqual([]);
    await append(2, null); // what begins afterwards stays
    expect(await load(null, true)).toEqual(['req-2']);
  });

  it('are not shortened where all of them is wanted and there are too many', async () => {
    for (let n = 1; n <= 2_001; n += 1) await append(n, n === 1 ? null : `r${n - 1}`);
    await expect(load('r2001', true)).rejects.toBeInstanceOf(ContextLengthExceeded);
    expect(await load('r2001', false)).toEqual(['req-1999', 'req-2000', 'req-2001']);
  });
});
