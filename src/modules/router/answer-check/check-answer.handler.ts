import type { IQueryHandler } from '@nestjs/cqrs';
import { QueryHandler } from '@nestjs/cqrs';
import { checkAnswer } from './answer-check.js';
import type { AnswerVerdict } from './answer-check.js';
import { CheckAnswerQuery } from '../router.messages.js';

/** Checks a cheap answer of a cascade. */
@QueryHandler(CheckAnswerQuery)
export class CheckAnswerHandler implements IQueryHandler<CheckAnswerQuery> {
  async execute({ request, completion }: CheckAnswerQuery): Promise<AnswerVerdict> {
    return checkAnswer(request, completion);
  }
}
