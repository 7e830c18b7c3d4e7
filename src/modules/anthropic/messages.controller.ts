import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RateLimitExceeded, ThreadUnsupported } from '../../common/app-error.js';
import { exactCompletion } from '../../common/answer-shape.js';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest } from '../../common/chat.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { MESSAGES_PATH } from '../../common/http/anthropic-error.js';
import { sendStream, sendWhole, wholeText } from '../../common/http/answer-writer.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { arrivalOf } from '../../common/http/arrival.js';
import { inWords, WordedForm } from '../../common/http/worded-form.js';
import { ReservesQuota } from '../../common/http/counting.decorators.js';
import { Idempotent } from '../../common/http/idempotent.decorator.js';
import { refuseRepeats } from '../../common/http/repeated-members.js';
import { ApiCheckedBody, CheckedBody } from '../../common/http/request-validation.pipe.js';
import { estimateRequestTokens, mostTextTokens } from '../../common/token-estimate.js';
import { AnswerChatCommand, isBehindTurns, type ChatAnswer, type ChatAsk } from '../chat/chat.messages.js';
import { sessionOf } from './claude-session.js';
import { ApiCount, ApiMessages, COUNT_HEADERS, MESSAGE_HEADERS } from './messages-api-docs.js';
import { messageOf } from './messages-answer.js';
import { countExamples, countResponseExample, messageExamples, messageResponseExample } from './messages-examples.js';
import { chatRequestOf, countedRequestOf } from './messages-request.js';
import {
  countTokensSchema,
  messagesRequestSchema,
  type CountTokensRequest,
  type MessagesRequest,
} from './messages-request.schema.js';
import { MessagesStream, type MessageHead } from './messages-stream.js';
import { MessagesWords } from './messages-words.js';

const READ_HERE: ReadonlySet<string> = new Set(Object.keys(messagesRequestSchema.shape));
const READ_WHOLE = ['messages', 'system'];

@ApiTags('messages')
@Controller(MESSAGES_PATH)
export class MessagesController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({
    summary: "Anthropic's messages, plain and streamed",
    description: 'What maps to what is in docs/DOORS.md. Fields that are not listed here are not looked at.',
  })
  @ApiCheckedBody(messagesRequestSchema, messageExamples)
  @ApiResponse({ status: 200, description: 'The answer', headers: MESSAGE_HEADERS, content: messageResponseExample })
  @ApiMessages()
  @ApiErrors(ThreadUnsupported)
  @Idempotent()
  async create(
    @CheckedBody(messagesRequestSchema) body: MessagesRequest,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseRepeats(incoming.body, READ_HERE, READ_WHOLE);
    const request = chatRequestOf(body, incoming.body);
    const ask = askOf(request, caller, incoming, reply);
    const words = new MessagesWords(body, isBehindTurns(ask));
    const answer = await this.begun(ask, incoming, words);
    try {
      const head = headOf(ask, body, answer);
      if (body.stream) {
        const form = new WordedForm(new MessagesStream(head, answer), words);
        return sendStream(reply, answer.headers(), answer, form);
      }
      await wholeText(answer);
      const text = JSON.stringify(messageOf(exactCompletion(answer.result!.completion!), head, answer));
      await sendWhole(reply, answer.plainHeaders(), text);
    } catch (error) {
      answer.fail(error);
      throw inWords(error, words);
    }
  }

  /** From here on the recipe tells of the end of the request. */
  private async begun(ask: ChatAsk, incoming: FastifyRequest, words: MessagesWords): Promise<ChatAnswer> {
    incoming.endIsTold = true;
    try {
      return await this.commands.execute(new AnswerChatCommand(ask));
    } catch (error) {
      throw inWords(error, words);
    }
  }

  @Post('count_tokens')
  @HttpCode(200)
  @ApiOperation({
    summary: 'How many tokens a request has: an estimate that rounds up',
    description:
      'No model is called. Clients shorten a conversation by it, so it is never too low for what models count.',
  })
  @ApiCheckedBody(countTokensSchema, countExamples)
  @ApiResponse({ status: 200, description: 'The estimate', headers: COUNT_HEADERS, content: countResponseExample })
  @ApiCount()
  @ApiErrors(RateLimitExceeded)
  countTokens(
    @CheckedBody(countTokensSchema) body: CountTokensRequest,
    @Req() incoming: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    refuseRepeats(incoming.body, READ_HERE, READ_WHOLE);
    reply.header('x-router-estimated', 'true');
    return { input_tokens: estimateRequestTokens(countedRequestOf(body), mostTextTokens), estimated: true };
  }
}

function askOf(request: ChatRequest, caller: Caller, incoming: FastifyRequest, reply: FastifyReply): ChatAsk {
  const arrival = arrivalOf(incoming, reply);
  return {
    ...arrival,
    ...sessionOf(arrival.sessionId, incoming.headers, request),
    request,
    caller,
    explain: false,
    keepsTurn: true,
    isRenewal: false,
  };
}

const headOf = ({ request, requestId }: ChatAsk, body: MessagesRequest, { route }: ChatAnswer): MessageHead => ({
  id: `msg_${requestId}`,
  model: route.model,
  simulated: route.simulated,
  requestId,
  inputTokens: body.stream ? estimateRequestTokens(request) : 0, // a whole answer has the counts
  stops: body.stop_sequences ?? [],
});
