import { Controller, Get, Header, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import {
  InvalidApiKey,
  InvalidRequest,
  NotFound,
  Overloaded,
  PermissionDenied,
  RateLimitExceeded,
} from '../../../common/app-error.js';
import type { Caller } from '../../../common/caller.js';
import { CurrentCaller, RequireScope } from '../../../common/http/access.decorators.js';
import { ApiErrors } from '../../../common/http/api-errors.js';
import { checked } from '../../../common/http/request-validation.pipe.js';
import { Downloads } from './downloads.js';
import { ReadRecords, type ListedRecord } from './read-records.js';
import {
  recordExample,
  recordParams,
  recordResponse,
  recordsContent,
  recordsQuery,
  type RecordsQuery,
} from './records.schemas.js';

const NOT_YOURS =
  'You made no request with this id, or too long ago. Scope admin finds those of others: GET /admin/requests?request_id=<id>.';
/** The text of a stream of lines goes out in pieces of about so many characters. */
const PIECE = 64 * 1024;

/** What became of requests: of one's own, and of a tenant's latest ones. */
@ApiTags('Operations')
@ApiBearerAuth()
@Controller()
export class RecordsController {
  private readonly downloads = new Downloads();

  constructor(private readonly records: ReadRecords) {}

  @Get('v1/requests/:id')
  @RequireScope('chat')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'getRequest',
    summary: 'What became of a request',
    description:
      'The record of a request of your own, on whichever replica: numbers and names, no text of the conversation. The ' +
      'latest `telemetry.keepRequests` requests of all callers together are kept (those of others: `GET /admin/requests?request_id=`); of those that a limit refused (429) ten a ' +
      'minute, user and replica.',
  })
  @ApiResponse({ status: 200, description: 'The record.', standardSchema: recordResponse, example: recordExample })
  @ApiErrors(InvalidApiKey, PermissionDenied, NotFound, RateLimitExceeded, Overloaded)
  async read(@CurrentCaller() caller: Caller, @Param(checked(recordParams)) { id }: z.output<typeof recordParams>) {
    const found = await this.records.find(caller, id);
    if (found) return found.record;
    throw new NotFound(NOT_YOURS, 'id');
  }

  @Get('admin/requests')
  @SkipThrottle()
  @RequireScope('admin')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'listRequests',
    summary: 'The latest requests',
    description:
      'Newest first, in the order in which they were written down. Scope `admin` sees its own tenant, scope `operator` ' +
      'all. `jsonl` streams everything that is kept and fits, two at a time for a tenant and four for all; it ends without ' +
      'its last chunk when the store goes away, or when its reader takes nothing for 10 s.',
  })
  @ApiResponse({ status: 200, description: 'A page, or all.', content: recordsContent })
  @ApiErrors(InvalidRequest, InvalidApiKey, PermissionDenied, Overloaded)
  async list(
    @CurrentCaller() caller: Caller,
    @Query(checked(recordsQuery)) query: RecordsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { after = null, target = null, outcome = null, request_id: requestId = null, limit } = query;
    const filter = { requestId, tenant: tenantFor(caller, query), target, outcome };
    if (query.format === 'json') return pageOf(await this.records.list(filter, after), limit);
    const download = await this.downloads.begin(caller.tenant, async () =>
      lines(await this.records.list(filter, after), limit),
    );
    reply.type('application/jsonl; charset=utf-8');
    return download;
  }
}

/** Whose records are read; `null` = those of all. */
function tenantFor(caller: Caller, { tenant }: RecordsQuery): string | null {
  if (caller.scopes.includes('operator')) return tenant ?? null;
  if (tenant === undefined || tenant === caller.tenant) return caller.tenant;
  throw new PermissionDenied('tenant: the requests of another tenant need scope operator.', 'tenant');
}

async function pageOf(records: AsyncIterable<ListedRecord>, limit: number) {
  const data: ListedRecord[] = [];
  let hasMore = false;
  for await (const record of records) {
    hasMore = data.length === limit;
    if (hasMore) break;
    data.push(record);
  }
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

async function* lines(records: AsyncIterable<ListedRecord>, limit: number): AsyncGenerator<string> {
  let piece = '';
  let count = 0;
  for await (const record of records) {
    piece += `${JSON.stringify(record)}\n`;
    count += 1;
    if (count === limit) break;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
