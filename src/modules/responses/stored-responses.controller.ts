import { Controller, Delete, Get, Param, Query, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import {
  InvalidApiKey,
  InvalidRequest,
  NotFound,
  Overloaded,
  PermissionDenied,
  RateLimitExceeded,
} from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller, RequireScope } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { checked } from '../../common/http/request-validation.pipe.js';
import { DeleteResponseCommand, FindResponseQuery, type Turn } from '../session/session.messages.js';
import { inputItems, listJson } from './input-list.js';
import { codeOf, readResponseId, type ResponseName } from './response-id.js';
import {
  deletedExample,
  deletedResponse,
  inputExample,
  inputQuery,
  inputResponse,
  responseParams,
  retrieveQuery,
  storedResponse,
  type InputQuery,
} from './stored-responses.schemas.js';
import { storedExample } from './responses.examples.js';
import { responseOfTurn } from './whole-response.js';

type ResponseParams = z.output<typeof responseParams>;

/** Responses that are stored: every one that came to its end and was not asked for with `store: false`. */
@ApiTags('responses')
@ApiBearerAuth()
@ApiErrors(InvalidRequest, InvalidApiKey, PermissionDenied, RateLimitExceeded, Overloaded, NotFound)
@RequireScope('chat')
@Controller('v1/responses')
export class StoredResponsesController {
  constructor(
    private readonly queries: QueryBus,
    private readonly commands: CommandBus,
  ) {}

  @Get(':id')
  @ApiOperation({
    operationId: 'getResponse',
    summary: 'Read a response',
    description:
      'The response as it was answered. One that failed, was cut or was asked for with `store: false` is not kept.',
  })
  @ApiResponse({ status: 200, description: 'The response.', standardSchema: storedResponse, example: storedExample })
  async read(
    @CurrentCaller() caller: Caller,
    @Param(checked(responseParams)) { id }: ResponseParams,
    @Query(checked(retrieveQuery)) _query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const name = nameOf(id);
    const text = responseOfTurn(name, await this.turnOf(caller, name));
    reply.header('content-type', 'application/json; charset=utf-8');
    return text;
  }

  @Get(':id/input_items')
  @ApiOperation({
    operationId: 'listInputItems',
    summary: 'What a response was asked with',
    description:
      'The items of its own input, without those of responses before it. The latest first, unless `order` is `asc`.',
  })
  @ApiResponse({ status: 200, description: 'A page.', standardSchema: inputResponse, example: inputExample })
  async input(
    @CurrentCaller() caller: Caller,
    @Param(checked(responseParams)) { id }: ResponseParams,
    @Query(checked(inputQuery)) page: InputQuery,
  ) {
    const name = nameOf(id);
    const { response } = await this.turnOf(caller, name);
    return listJson(inputItems(response?.['input'], codeOf(name)), page);
  }

  @Delete(':id')
  @ApiOperation({
    operationId: 'deleteResponse',
    summary: 'Delete a response',
    description:
      'Its turn is deleted in every store. Conversations cannot go on from it, or from what went on from it.',
  })
  @ApiResponse({ status: 200, description: 'It is gone.', standardSchema: deletedResponse, example: deletedExample })
  async remove(@CurrentCaller() caller: Caller, @Param(checked(responseParams)) { id }: ResponseParams) {
    const { sessionId, ulid } = nameOf(id);
    await this.commands.execute(new DeleteResponseCommand(caller, sessionId, ulid));
    return { id, object: 'response' as const, deleted: true as const };
  }

  private turnOf(caller: Caller, { sessionId, ulid }: ResponseName): Promise<Turn> {
    return this.queries.execute(new FindResponseQuery(caller, sessionId, ulid));
  }
}

/** @throws NotFound an id that was not made here */
function nameOf(id: string): ResponseName {
  const name = readResponseId(id);
  if (name) return name;
  throw new NotFound(
    'No response of this service has such an id; ids begin with resp_ and are in `id` of a response.',
    'id',
  );
}
