import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ulid } from 'ulid';
import { InvalidRequest } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { ANSWER_HEADERS, ApiAnswer } from '../../common/http/answer-api-docs.js';
import { sendStream, sendWhole, wholeText } from '../../common/http/answer-writer.js';
import { arrivalOf } from '../../common/http/arrival.js';
import { ReservesQuota } from '../../common/http/counting.decorators.js';
import { Idempotent } from '../../common/http/idempotent.decorator.js';
import { ApiCheckedBody, CheckedBody } from '../../common/http/request-validation.pipe.js';
import { translated } from '../../common/translated-request.js';
import { AnswerChatCommand, type ChatAnswer, type ChatAsk } from '../chat/chat.messages.js';
import { exactBody } from './exact-body.js';
import { onlyOpenAi } from './only-openai.js';
import type { ResponseName } from './response-id.js';
import { echoOf, ResponseWriter, type Echo } from './response-object.js';
import { ResponseStream } from './response-stream.js';
import { placeOf } from './response-turns.js';
import { responseExample, responsesExamples } from './responses.examples.js';
import { chatFormOf } from './responses-request.js';
import { responsesRequestSchema, type ResponsesRequest } from './responses-request.schema.js';
import { StoredItems } from './stored-items.js';
import { formOf, responseOfCompletion } from './whole-response.js';

/** OpenAI's Responses API in front of every target. */
@ApiTags('responses')
@Controller()
export class ResponsesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly items: StoredItems,
  ) {}

  @Post('v1/responses')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createResponse',
    summary: "OpenAI's Responses API, plain and streamed",
    description:
      'Answered by the same targets, in the same way, as chat completions. What only OpenAI runs (built-in tools, stored ' +
      'prompts and files, `background`) is a 400 that names the field. Fields that are not listed here are ignored.',
  })
  @ApiCheckedBody(responsesRequestSchema, responsesExamples)
  @ApiResponse({ status: 200, description: 'The response', headers: ANSWER_HEADERS, content: responseExample })
  @ApiAnswer()
  @Idempotent()
  async create(
    @CheckedBody(responsesRequestSchema) request: ResponsesRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const body = exactBody(request, incoming.body);
    const { ask, name } = await this.askOf(body, caller, incoming, reply);
    incoming.endIsTold = true; // from here on the recipe tells of it
    const answer = await this.commands.execute(new AnswerChatCommand(ask));
    try {
      const echo = echoOf(body);
      if (body.stream) return sendStream(reply, answer.headers(), answer, streamOf(answer, name, echo));
      await wholeText(answer);
      await sendWhole(reply, answer.plainHeaders(), wholeOf(answer, name, echo));
    } catch (error) {
      answer.fail(error);
      throw error;
    }
  }

  private async askOf(
    body: ResponsesRequest,
    caller: Caller,
    incoming: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ ask: ChatAsk; name: ResponseName }> {
    const [field] = onlyOpenAi(body);
    if (field) throw new InvalidRequest(`${field.param}: ${field.message}`, field.param);
    const arrival = arrivalOf(incoming, reply);
    const { request, input } = chatFormOf(body, await this.items.resolved(body.input, caller));
    const { name, sessionId, keepsTurn, turns } = placeOf(body, ulid(), arrival.sessionId, input);
    const own = { request: translated(request), caller, sessionId, keepsTurn, turns };
    return { ask: { ...arrival, ...own, explain: false, isRenewal: false }, name };
  }
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1_000);

const streamOf = (answer: ChatAnswer, name: ResponseName, echo: Echo): ResponseStream =>
  new ResponseStream(answer, new ResponseWriter(name, echo), formOf(name, echo), nowInSeconds);

function wholeOf({ result, route }: ChatAnswer, name: ResponseName, echo: Echo): string {
  const completion = result?.completion?.json ?? {};
  return responseOfCompletion(name, echo, completion, route.model, result?.usage ?? null, nowInSeconds());
}
