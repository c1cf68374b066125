/** Each octet with A–Z lowered: octets above 127 are no letters (RFC 4343 section 3). */
export const LOWER = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 65 && octet <= 90 ? octet + 32 : octet,
);
