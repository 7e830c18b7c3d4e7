import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { ApiVectors, VECTOR_HEADERS } from '../../common/http/answer-api-docs.js';
import { sendPieces } from '../../common/http/answer-writer.js';
import { ReservesQuota } from '../../common/http/counting.decorators.js';
import { Idempotent } from '../../common/http/idempotent.decorator.js';
import { refuseRepeats } from '../../common/http/repeated-members.js';
import { ApiCheckedBody, CheckedBody } from '../../common/http/request-validation.pipe.js';
import { AnswerEmbeddings } from './answer-embeddings.js';
import { askOf } from './embedding-ask.js';
import { embeddingExamples, embeddingListExample, embeddingListSchema } from './embedding-examples.js';
import { embeddingRequestSchema, type EmbeddingBody } from './embedding-request.schema.js';

const READ_HERE: ReadonlySet<string> = new Set(Object.keys(embeddingRequestSchema.shape));

@ApiTags('embeddings')
@Controller()
export class EmbeddingsController {
  constructor(private readonly embeddings: AnswerEmbeddings) {}

  @Post('v1/embeddings')
  @ReservesQuota()
  @HttpCode(200)
  @ApiOperation({
    summary: "OpenAI's embeddings",
    description:
      'Vectors of texts or tokens, by the targets with capability `embeddings`. All vectors of a model name are of one model, ' +
      'whatever fails. Fields that are not listed here pass through to the model server.',
  })
  @ApiCheckedBody(embeddingRequestSchema, embeddingExamples)
  @ApiResponse({
    ...{ status: 200, description: 'The vectors', headers: VECTOR_HEADERS },
    ...{ standardSchema: embeddingListSchema, example: embeddingListExample },
  })
  @ApiVectors()
  @Idempotent()
  async embed(
    @CheckedBody(embeddingRequestSchema) body: EmbeddingBody,
    @CurrentCaller() caller: Caller,
    @Req() incoming: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseRepeats(incoming.body, READ_HERE, []);
    const ask = askOf(body, caller, incoming, reply);
    incoming.endIsTold = true; // from here on the recipe tells of the end of the request
    const exchange = await this.embeddings.answer(ask);
    await sendPieces(reply, exchange.headers(), exchange.body);
  }
}
