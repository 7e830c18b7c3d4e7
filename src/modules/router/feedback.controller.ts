import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import {
  InternalError,
  InvalidApiKey,
  InvalidRequest,
  PayloadTooLarge,
  PermissionDenied,
  UnsupportedMediaType,
} from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-docs.decorators.js';
import { DecisionLog } from './decision-log.js';

const feedbackSchema = z.strictObject({
  request_id: z
    .string()
    .min(1)
    .max(128)
    .describe('The `x-request-id` of the answer, or `metadata.request_id` of `/query`.'),
  score: z.number().min(-1).max(1).describe('-1 = useless, 0 = neither, 1 = right.'),
  comment: z.string().max(2000).optional().describe('Kept with the score; not used in training.'),
});
type Feedback = z.infer<typeof feedbackSchema>;

@ApiTags('chat')
@Controller()
export class FeedbackController {
  constructor(private readonly log: DecisionLog) {}

  @Post('v1/feedback')
  @HttpCode(200)
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'How good an answer was',
    description:
      'Kept beside the decision of that request in the decision log, for later training of the router. A score for a ' +
      'request of another tenant is never joined with it.',
  })
  @ApiBody({
    schema: { type: 'object' },
    examples: { good: { value: { request_id: '01JD0000000000000000000000', score: 1 } } },
  })
  @ApiResponse({
    status: 200,
    description: 'It is kept',
    content: { 'application/json': { example: { request_id: '01JD0000000000000000000000', stored: true } } },
  })
  @ApiErrors(InvalidRequest, InvalidApiKey, PermissionDenied, PayloadTooLarge, UnsupportedMediaType, InternalError)
  store(@Body({ schema: feedbackSchema }) body: Feedback, @CurrentCaller() { tenant, user }: Caller) {
    this.log.append({ type: 'feedback', at: new Date().toISOString(), tenant, user, ...body });
    return { request_id: body.request_id, stored: true };
  }
}
