import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { InvalidRequest, RateLimitExceeded } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { sendStream, sendWhole, wholeText } from '../../common/http/answer-writer.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { ReservesQuota } from '../../common/http/counting.decorators.js';
import { Idempotent } from '../../common/http/idempotent.decorator.js';
import { ApiCheckedBody, CheckedBody } from '../../common/http/request-validation.pipe.js';
import { AnswerChat } from './answer-chat.js';
import { ANSWER_HEADERS, ApiAnswer, ApiDecision } from '../../common/http/answer-api-docs.js';
import type { ChatExchange } from './chat-exchange.js';
import {
  chatRequestSchema,
  queryRequestSchema,
  routeRequestSchema,
  type QueryRequest,
  type RouteRequest,
} from './chat-request.schema.js';
import {
  chatExamples,
  chatResponseExample,
  queryExamples,
  queryResponseExample,
  routeExamples,
  routeResponseExample,
} from './chat-examples.js';
import { ChatStream } from './chat-stream.js';
import type { ChatAsk } from './chat.messages.js';
import { askOf, withSentText } from './http-ask.js';
import { chatRequestOf, decisionJson, queryAnswer } from './query-answer.js';

@ApiTags('chat')
@Controller()
export class ChatController {
  constructor(private readonly chat: AnswerChat) {}

  @Post('v1/chat/completions')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({
    summary: "OpenAI's chat completions, plain and streamed",
    description: 'Fields that are not listed here pass through to the model server and back unchanged.',
  })
  @ApiCheckedBody(chatRequestSchema, chatExamples)
  @ApiResponse({ status: 200, description: 'The answer', headers: ANSWER_HEADERS, content: chatResponseExample })
  @ApiAnswer()
  @Idempotent()
  async complete(
    @CheckedBody(chatRequestSchema) request: ChatRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const exchange = await this.begun(askOf(withSentText(request, incoming.body), caller, incoming, reply), incoming);
    try {
      if (request.stream) {
        const withUsage = request.stream_options?.include_usage === true;
        return sendStream(reply, exchange.headers(), exchange, new ChatStream(withUsage));
      }
      const text = await wholeText(exchange);
      await sendWhole(reply, exchange.plainHeaders(), text);
    } catch (error) {
      exchange.fail(error);
      throw error;
    }
  }

  @Post('query')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({ summary: 'One question, one answer, and how it came about' })
  @ApiCheckedBody(queryRequestSchema, queryExamples)
  @ApiResponse({ status: 200, description: 'The answer', headers: ANSWER_HEADERS, content: queryResponseExample })
  @ApiAnswer()
  @Idempotent()
  async query(
    @CheckedBody(queryRequestSchema) body: QueryRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const exchange = await this.begun(askOf(chatRequestOf(body), caller, incoming, reply, body), incoming);
    try {
      await wholeText(exchange);
      const end = exchange.result!;
      const text = JSON.stringify(queryAnswer(exchange, end, new Date()));
      await sendWhole(reply, exchange.plainHeaders(), text);
    } catch (error) {
      exchange.fail(error);
      throw error;
    }
  }

  @Post('v1/route')
  @HttpCode(200)
  @ApiOperation({ summary: 'Which target would answer, and why; no model is called' })
  @ApiCheckedBody(routeRequestSchema, routeExamples)
  @ApiResponse({ status: 200, description: 'The decision record', content: routeResponseExample })
  @ApiDecision()
  @ApiErrors(RateLimitExceeded)
  async route(
    @CheckedBody(routeRequestSchema) body: RouteRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const ask = askOf(withSentText(routedRequest(body), incoming.body), caller, incoming, reply, body);
    reply.header('x-request-id', ask.requestId);
    return decisionJson(await this.chat.route(ask));
  }

  /** From here on the recipe tells of the end of the request. */
  private begun(ask: ChatAsk, incoming: FastifyRequest): Promise<ChatExchange> {
    incoming.endIsTold = true;
    return this.chat.answer(ask);
  }
}

function routedRequest({ query, strategy: _s, session_id: _i, ...request }: RouteRequest): ChatRequest {
  const model = request.model ?? 'auto';
  if (typeof query === 'string') return { model, messages: [{ role: 'user', content: query }] };
  if (request.messages) return { ...(request as Partial<ChatRequest>), model, messages: request.messages };
  throw new InvalidRequest('messages: required, unless there is a query', 'messages');
}
