/** Made-up phone numbers: area codes that exist, and the exchanges 550 to 559 but 555, so that they are valid by the numbering plan. */

const leadAreaCodes = [
  212, 213, 214, 215, 216, 303, 305, 312, 313, 314, 404, 408, 412, 503, 504, 512, 602, 612, 614, 617, 702, 704, 713, 714, 716, 801, 804,
  813, 816, 916,
];
const callerAreaCodes = [
  202, 203, 205, 206, 207, 208, 301, 302, 304, 307, 402, 405, 406, 501, 502, 505, 601, 603, 605, 701, 803, 808, 901, 907,
];
const exchanges = [550, 551, 552, 553, 554, 556, 557, 558, 559];
const linesPerExchange = 10_000;

/** The nth person of a campaign; no two have the same number within the first 2.7 million. */
export function leadNumber(index: number): string {
  return numberAt(leadAreaCodes, index);
}

/** The nth inbound caller; never the number of a lead. */
export function callerNumber(index: number): string {
  return numberAt(callerAreaCodes, index);
}

function numberAt(areaCodes: readonly number[], index: number): string {
  const total = areaCodes.length * exchanges.length * linesPerExchange;
  // Spread over the plan: neighbours in the list are no neighbours in the plan. The factor has no divisor in common with the total.
  const place = (index * 7_919) % total;
  const areaCode = areaCodes[place % areaCodes.length];
  const exchange = exchanges[Math.floor(place / areaCodes.length) % exchanges.length];
  const line = Math.floor(place / (areaCodes.length * exchanges.length));
  return `+1${areaCode}${exchange}${String(line).padStart(4, '0')}`;
}
