import fc from 'fast-check'

/** Text of any code points. By hand: what `fc.string({ unit: 'binary' })` prepares, so as to shrink any text, takes it 2 s. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.nat(0x10_ff_ff))
  .map((points) => String.fromCodePoint(...points))
