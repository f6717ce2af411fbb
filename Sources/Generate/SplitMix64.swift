/// The random numbers of the generator: small, seedable with one word, and the same on every platform.
///
/// Algorithm: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014), with the
/// constants of the mixer "variant 13" by David Stafford, as in `java.util.SplittableRandom`.
struct SplitMix64 {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A one-to-one scrambling of 64 bits: different inputs give different outputs.
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z &>> 31)
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SplitMix64.mix(state)
    }

    /// A number in `0..<bound`; its bias is below `bound` / 2^32, which no reader of the output can see.
    @inline(__always)
    mutating func below(_ bound: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: ((next() &>> 32) &* UInt64(bound)) &>> 32)
    }

    /// True with a probability of `threshold` / 2^32.
    @inline(__always)
    mutating func chance(_ threshold: UInt64) -> Bool {
        (next() &>> 32) < threshold
    }

    /// The argument of `chance` for a share; one multiplication by a power of two, hence exact everywhere.
    static func threshold(_ share: Double) -> UInt64 {
        UInt64(share * 4_294_967_296)
    }
}
