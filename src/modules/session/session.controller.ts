import { Controller, Delete, Get, Param, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import {
  InvalidApiKey,
  InvalidRequest,
  Overloaded,
  PermissionDenied,
  RateLimitExceeded,
  SessionNotFound,
} from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller, RequireScope } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { checked } from '../../common/http/request-validation.pipe.js';
import { SessionErasure } from './session-erasure.js';
import { SessionReader } from './session-reader.js';
import { insightsOf, toExportJson, toListJson, toSessionJson } from './session-json.js';
import {
  deletedResponse,
  exportResponse,
  insightsResponse,
  listQuery,
  sessionListResponse,
  sessionParams,
  sessionResponse,
  type DeletedResponse,
  type ListQuery,
} from './session.schemas.js';
import { deletedExample, exportExample, insightsExample, listExample, sessionExample } from './session.examples.js';

type SessionParams = z.output<typeof sessionParams>;

/** Sessions of the caller's tenant: list, read, erase. They come into being with the first turn of a chat. */
@ApiTags('sessions')
@ApiBearerAuth()
@ApiErrors(InvalidRequest, InvalidApiKey, PermissionDenied, RateLimitExceeded, Overloaded)
@RequireScope('chat')
@Controller('v1/sessions')
export class SessionController {
  constructor(
    private readonly reader: SessionReader,
    private readonly erasure: SessionErasure,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listSessions',
    summary: 'List sessions',
    description:
      'One page of the sessions of your tenant, the latest used first. For the next page send `last_id` as `after`. ' +
      'A session that gets a turn while you page moves to the front.',
  })
  @ApiResponse({ status: 200, description: 'A page.', standardSchema: sessionListResponse, example: listExample })
  async list(@CurrentCaller() { tenant }: Caller, @Query(checked(listQuery)) { limit, order, after }: ListQuery) {
    return toListJson(await this.reader.list(tenant, limit, order, after));
  }

  @Get(':id')
  @ApiOperation({
    operationId: 'getSession',
    summary: 'Read a session',
    description: 'The session with all turns that are kept (`sessions.retentionDays`), oldest first.',
  })
  @ApiResponse({ status: 200, description: 'The session.', standardSchema: sessionResponse, example: sessionExample })
  @ApiErrors(SessionNotFound)
  async read(@CurrentCaller() { tenant }: Caller, @Param(checked(sessionParams)) { id }: SessionParams) {
    return toSessionJson(await this.reader.read({ tenant, sessionId: id }));
  }

  @Get(':id/export')
  @ApiOperation({
    operationId: 'exportSession',
    summary: 'Export a session',
    description: 'Everything that is kept of the session, as one JSON file.',
  })
  @ApiResponse({
    status: 200,
    description: 'The file.',
    headers: { 'Content-Disposition': { description: 'Its name.', schema: { type: 'string' } } },
    standardSchema: exportResponse,
    example: exportExample,
  })
  @ApiErrors(SessionNotFound)
  async export(
    @CurrentCaller() { tenant }: Caller,
    @Param(checked(sessionParams)) { id }: SessionParams,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const session = await this.reader.read({ tenant, sessionId: id });
    // A session id has only characters that are safe in a quoted file name, but for the colon on Windows.
    reply.header('content-disposition', `attachment; filename="session-${id.replaceAll(':', '_')}.json"`);
    return toExportJson(session, new Date());
  }

  @Delete(':id')
  @ApiOperation({
    operationId: 'deleteSession',
    summary: 'Erase a session',
    description: 'Deletes every turn and the entry in the list, in every store. It cannot be undone.',
  })
  @ApiResponse({ status: 200, description: 'It is gone.', standardSchema: deletedResponse, example: deletedExample })
  @ApiErrors(SessionNotFound)
  async erase(
    @CurrentCaller() { tenant }: Caller,
    @Param(checked(sessionParams)) { id }: SessionParams,
  ): Promise<DeletedResponse> {
    await this.erasure.erase({ tenant, sessionId: id });
    return { id, object: 'session.deleted', deleted: true };
  }

  @Get(':id/insights')
  @ApiOperation({
    operationId: 'getSessionInsights',
    summary: 'What happened in a session',
    description: 'Turns, switches and share per target, latency, tokens and cost, from the turns that are kept.',
  })
  @ApiResponse({ status: 200, description: 'Insights.', standardSchema: insightsResponse, example: insightsExample })
  @ApiErrors(SessionNotFound)
  async insights(@CurrentCaller() { tenant }: Caller, @Param(checked(sessionParams)) { id }: SessionParams) {
    const { turns } = await this.reader.read({ tenant, sessionId: id });
    return insightsOf(turns);
  }
}
