import Pipeline
import Testing

struct DurationTextTests {
    @Test(
        arguments: [
            ("1us", 1), ("250ms", 250_000), ("90s", 90_000_000), ("30m", 1_800_000_000),
            ("2h", 7_200_000_000),
            ("10d", 864_000_000_000), ("2w", 1_209_600_000_000), ("0s", 0), ("007m", 420_000_000),
            ("1d12h", 129_600_000_000), ("1w1d1h1m1s1ms1us", 694_861_001_001), ("1m1ms", 60_001_000),
            ("PT30M", 1_800_000_000), ("PT2H", 7_200_000_000), ("PT45S", 45_000_000),
            ("P10D", 864_000_000_000),
            ("P2W", 1_209_600_000_000), ("P1DT12H", 129_600_000_000), ("P1W2DT3H4M5S", 788_645_000_000),
            ("9223372036854775807us", Int64.max), ("106751991d", 9_223_372_022_400_000_000),
        ] as [(String, Int64)])
    func isInMicroseconds(text: String, microseconds: Int64) {
        #expect(DurationText.parse(text) == microseconds)
    }

    @Test(arguments: [
        "", " ", "10", "d", "ten days", "10 d", " 10d", "10d ", "10days", "30min", "10D", "30M", "1.5h",
        "1,5h", "-2h",
        "+2h", "2h-", "2hh", "1d 12h", "١d", "10µs",
    ])
    func isWrittenWithNumbersAndUnits(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    /// Months and years have no length; the rest is not ISO 8601 as it is read here.
    @Test(arguments: [
        "P", "PT", "P1M", "P1Y", "P1Y2M3D", "P1DT", "P1H", "PT1D", "PT1W", "PT", "P1", "PT1", "PT0.5S",
        "-PT1H", "P-1D",
        "pt30m", "PT1H T1M", "PT1HT1M", "PT1MS", "PT1US", "PTT1H",
    ])
    func isISOWithoutMonthsAndYears(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        "9223372036854775808us", "106751992d", "106751991d1d", "99999999999999999999s", "P106751991DT99H",
    ])
    func endsWhereMicrosecondsDo(text: String) {
        #expect(DurationText.parse(text) == nil)
    }
}
