/// A distribution of durations, given by its quantiles at 0, 1/16, 2/16 … 1, in milliseconds.
///
/// Values between are interpolated in integers: `exp` and `log` differ in their last bit between C libraries,
/// and then the same seed would not give the same bytes.
struct Quantiles {
    private let values: [Int64]

    /// - Parameter values: 17 numbers that do not fall, in `unit` milliseconds.
    init(_ values: [Int64], unit: Int64) {
        precondition(values.count == 17, "sixteenths have 17 ends")
        self.values = values.map { $0 * unit }
    }

    @inline(__always)
    func draw(_ random: inout SplitMix64) -> Int64 {
        let bits = random.next()
        let sixteenth = Int(truncatingIfNeeded: bits &>> 60)
        let fraction = Int64(truncatingIfNeeded: (bits &>> 40) & 0xFFFF)
        let low = values[sixteenth]
        return low &+ ((values[sixteenth &+ 1] &- low) &* fraction) &>> 16
    }
}

/// The durations between the steps of an order, and between an event and its arrival in a log.
/// Each follows a log-normal curve roughly, with its last sixteenth cut short.
struct Durations {
    let authorization = Quantiles(
        [3, 9, 13, 16, 20, 24, 28, 33, 38, 44, 51, 60, 72, 89, 116, 174, 900], unit: 1_000)
    let paymentRetry = Quantiles(
        [15, 32, 44, 55, 66, 78, 91, 105, 121, 140, 162, 190, 226, 275, 350, 500, 3_600], unit: 1_000)
    let payment = Quantiles(
        [120, 260, 340, 410, 480, 550, 630, 710, 800, 910, 1_030, 1_180, 1_370, 1_630, 2_040, 2_900, 9_000],
        unit: 1)
    let packing = Quantiles(
        [40, 98, 133, 163, 192, 222, 255, 290, 330, 374, 426, 489, 569, 676, 840, 1_150, 1_900],
        unit: 60_000)
    let handover = Quantiles(
        [30, 88, 117, 142, 166, 190, 216, 243, 274, 309, 349, 396, 454, 532, 646, 860, 1_400],
        unit: 60_000)
    let transit = Quantiles(
        [
            180, 390, 490, 570, 650, 720, 800, 870, 950, 1_040, 1_140, 1_250, 1_390, 1_570, 1_840, 2_300,
            6_000,
        ],
        unit: 60_000)
    let redelivery = Quantiles(
        [
            600, 840, 960, 1_050, 1_110, 1_170, 1_220, 1_270, 1_320, 1_370, 1_420, 1_480, 1_560, 1_680,
            1_900, 2_400, 4_400,
        ],
        unit: 60_000)

    /// From the clock of the service to the log, on a good day.
    let jitter = Quantiles(
        [15, 40, 60, 80, 105, 130, 160, 195, 240, 290, 360, 450, 570, 760, 1_100, 1_900, 4_500], unit: 1)
    /// From the first copy of a line to its second.
    let redelivered = Quantiles(
        [
            200, 900, 2_000, 4_000, 7_000, 11_000, 16_000, 23_000, 32_000, 45_000, 65_000, 95_000, 150_000,
            270_000,
            600_000, 2_400_000, 21_600_000,
        ], unit: 1)
    /// Lateness by service, in the order of `GeneratedService`: from minutes to two days.
    let lateness = [
        Quantiles([2, 3, 3, 4, 5, 6, 7, 9, 11, 14, 18, 24, 33, 48, 80, 180, 1_440], unit: 60_000),
        Quantiles([2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 31, 42, 60, 95, 190, 720], unit: 60_000),
        Quantiles([3, 7, 10, 14, 18, 22, 28, 34, 42, 52, 66, 84, 110, 150, 225, 420, 1_440], unit: 60_000),
        Quantiles(
            [5, 18, 30, 45, 62, 84, 110, 140, 180, 230, 300, 390, 520, 720, 1_060, 1_700, 2_880], unit: 60_000
        ),
    ]
}
