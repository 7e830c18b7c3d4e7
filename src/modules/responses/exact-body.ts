import { ownField, setOwnField, type Fields } from '../../common/json/fields.js';
import { parseKeepingNumbers } from '../../common/json/numbers.js';
import { sourceOf } from '../../common/json/source.js';
import type { ResponsesRequest } from './responses-request.schema.js';

/**
 * The checked request with every digit of the numbers in its schemas and tools (JavaScript rounds what does not fit a
 * double); what is calculated with stays as it was checked.
 *
 * @param sent the body as it came
 */
export function exactBody(request: ResponsesRequest, sent: unknown): ResponsesRequest {
  const source = sourceOf(sent);
  if (!source?.wideNumbers) return request;
  const exact = parseKeepingNumbers(source.text) as Fields;
  for (const name of Object.keys(request)) {
    const checked = ownField(request, name);
    if (typeof checked === 'number') setOwnField(exact, name, checked);
  }
  return exact as ResponsesRequest;
}
