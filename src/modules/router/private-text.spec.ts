import { timed } from '../../../test/support/cpu-time.js';
import { PRIVATE_KINDS } from '../../common/config/config.schema.js';
import { findPrivateKinds, findPrivateKindsIn } from './private-text.js';

const kindsIn = (text: string) => findPrivateKinds(text, PRIVATE_KINDS);

describe('private text', () => {
  it.each([
    ['email', 'Write to jane.doe+work@mail.example.co.uk, please.'],
    ['email', '<用户@例子.公司>'],
    ['phone', 'Call +49 30 1234567 tomorrow'],
    ['phone', 'My number: (415) 555-2671.'],
    ['phone', 'room 12 415-555-2671 2024'],
    ['phone', 'Handy 0171 2345678'],
    ['phone', '06 12 34 56 78'],
    ['phone', '我的手机是13812345678'],
    ['phone', 'phone: 5552671'],
    ['creditCard', '4111 1111 1111 1111'],
    ['creditCard', 'order 12 4111-1111-1111-1111 2027'],
    ['creditCard', 'amex 378282246310005!'],
    ['iban', 'IBAN DE89 3704 0044 0532 0130 00 is mine'],
    ['iban', 'GB82WEST12345698765432'],
    ['ssn', 'SSN 536-22-1234'],
    ['ssn', 'social security number: 536221234'],
    ['ipAddress', 'from 192.168.10.4.'],
    ['ipAddress', 'http://10.0.0.1:8080/x'],
    ['ipAddress', '[2001:db8::8a2e:370:7334]'],
    ['apiKey', `sk-proj-${'aB3'.repeat(12)}`],
    ['apiKey', 'AKIAIOSFODNN7EXAMPLE'],
    ['apiKey', `token=ghp_${'a1B2'.repeat(9)}`],
    ['apiKey', 'xoxb-123456789012-abcdef'],
    ['apiKey', `AIza${'Sy0-_'.repeat(7)}`],
    ['apiKey', '-----BEGIN RSA PRIVATE KEY-----'],
    ['apiKey', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlMTIz'],
  ] as const)('finds %s in %s', (kind, text) => expect(kindsIn(text)).toContain(kind));

  it.each([
    'version 1.2.3 and 1.2.3.4.5',
    'firmware version 1.2.3.4',
    '256.1.1.1',
    'at 12:30:45 on 2024-05-01 12:30',
    '01.05.2024 12:30',
    'timestamp 1716570000 and 1716570000123',
    'order 4111 1111 1111 1112',
    'ISBN 978-3-16-148410-0',
    'pi is 3.14159265358979323846',
    'DE89 3704 0044 0532 0130 01',
    '000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000',
    'std::vector<int> a::b',
    'the @Injectable() decorator and npm i @nestjs/core@12',
    'sk-learn-pipeline-guide-version-2024-draft',
    'task-management-system-for-2024-projects',
    'population 1 234 567 890',
    '550e8400-e29b-41d4-a716-446655440000',
  ])('finds nothing in %s', (text) => expect(kindsIn(text)).toEqual([]));

  it('looks only for the kinds that are asked for', () =>
    expect(findPrivateKinds('a@example.com 4111111111111111', ['creditCard'])).toEqual(['creditCard']));

  it.each([
    ['a part', { role: 'user', content: [{ type: 'text', text: 'mail a@example.com' }] }],
    ['a tool call', { role: 'assistant', tool_calls: [{ function: { arguments: '{"to":"a@example.com"}' } }] }],
    ['a tool result', { role: 'tool', content: 'a@example.com' }],
  ])('sees %s', (_name, message) => expect(findPrivateKindsIn([message], ['email'])).toEqual(['email']));

  it('reads the whole text', () => expect(kindsIn(`${'word '.repeat(200_000)} a@example.com`)).toEqual(['email']));

  it.each([
    'a',
    '1',
    '1 ',
    '1-',
    'a@',
    'a.',
    '@',
    '1.1.',
    'eyJ',
    'eyJaaaaaaaaa.',
    'sk-',
    'f:',
    'DE89 ',
    '(',
    '-----BEGIN ',
    '+1',
    '\u{1f600}',
    '\ud800',
    '电话',
  ])('takes linear time for a megabyte of %j', (unit) => {
    const cost = (bytes: number) => {
      const text = unit.repeat(bytes / unit.length);
      return timed(() => kindsIn(text)).cpuMs;
    };
    cost(10_000);
    const LINEAR = 10; // ten times the text; the rest is room for a busy machine, far from the 100 of a quadratic scan
    expect(cost(1_000_000)).toBeLessThan(4 * LINEAR * Math.max(cost(100_000), 5));
  });
});
