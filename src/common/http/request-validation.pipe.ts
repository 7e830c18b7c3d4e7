import { StandardSchemaValidationPipe, type ParameterDecoratorOptions } from '@nestjs/common';
import { InvalidRequest } from '../app-error.js';
import { fieldPath } from '../json/fields.js';
import { issueMessage } from '../issue-message.js';

/** Keys such as `constructor` stay: a tool may have a parameter of that name, and nothing here merges objects by key. */
class RequestValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({
      exceptionFactory: (issues) => {
        const [issue] = issues;
        // zod names unknown fields beside the path of the object that has them
        const { keys: [unknown] = [] } = issue as { readonly keys?: readonly string[] };
        const param = fieldPath([...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])]) || null;
        return new InvalidRequest(`${param ?? 'The body'}: ${issueMessage(issue?.message ?? 'is not valid')}`, param);
      },
    });
  }

  protected override stripProtoKeys(): void {}
}

const pipe = new RequestValidationPipe();

/**
 * For `@Body(checked(schema))`, `@Query` and `@Param`: the handler gets what the schema made of it, and the first problem
 * becomes a 400 that names the field. No global pipe: it would make promises for every parameter of every route.
 */
export const checked = (schema: NonNullable<ParameterDecoratorOptions['schema']>): ParameterDecoratorOptions => ({
  schema,
  pipes: [pipe],
});
