/// One way of loading some events against another.
struct RatioRow: Encodable {
    let name: String
    let rowsPerSecond: Double
    /// Against the first way in the same round, the median of the rounds.
    let ratio: Double
    let peakMegabytes: Int
}
