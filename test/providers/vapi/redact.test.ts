import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { redact, textsIn, withoutEchoes } from '../../../providers/vapi/redact.ts';

describe('text from outside', () => {
  test.each([
    ['to +14155550123 failed', 'to …23 failed'],
    ['to (415) 555-0123.', 'to (…23.'],
    ['num_14155550123', 'num_…23'],
    ['sip:+14155550123@host', 'sip:…23@host'],
    ['call 01984312-3c1e-7000-8a00-00000000abcd at 2026-08-20T10:00', 'call 01984312-3c1e-7000-8a00-00000000abcd at 2026-08-20T10:00'],
    ['connect ECONNREFUSED 127.0.0.1:8080', 'connect ECONNREFUSED 127.0.0.1:8080'],
    ['connect ECONNREFUSED 127.0.0.1:8080 - Local (10.0.0.12:0)', 'connect ECONNREFUSED 127.0.0.1:8080 - Local (10.0.0.12:0)'],
    ['12.34.56.78 is Danish', '…78 is Danish'],
    ['415.555.012.3:80 is no address', '…23:80 is no address'],
    ['12.34.56.78:5550123', '…78:…23'],
    ['status 500 after 1200 ms', 'status 500 after 1200 ms'],
  ])('%s becomes %s', (text, wanted) => {
    expect(redact(text)).toBe(wanted);
  });

  test('is cut', () => {
    expect(redact('x'.repeat(1_000))).toHaveLength(301);
  });

  property.prop([fc.string(), fc.stringMatching(/^[1-9]\d{6,14}$/), fc.string()])('never shows a whole number', (before, number, after) => {
    expect(redact(`${before}+${number}${after}`)).not.toContain(number);
  });
});

describe('what was sent', () => {
  const sent = textsIn(['Zebulon Quartermaine', { wish: ['the papers', 7, null], plan: 'go' }]);
  test.each([
    ['500 cannot call Zebulon Quartermaine about the papers', '500 cannot call … about …'],
    ['cut off in Zebulon Quart…', 'cut off in …'],
    ['cut off in Zebu', 'cut off in …'],
    ['please go on', 'please go on'],
  ])('is left out of what comes back: %s', (text, told) => {
    expect(withoutEchoes(text, sent)).toBe(told);
  });
});
