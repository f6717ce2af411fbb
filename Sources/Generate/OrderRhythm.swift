/// When orders are created, and when which service is slow.
struct OrderRhythm {
    static let hourMilliseconds: Int64 = 3_600_000
    static let dayMilliseconds: Int64 = 86_400_000

    enum Stage: Int {
        case payment, warehouse, delivery
    }

    /// Unix milliseconds.
    let start: Int64
    private let orders: UInt64
    /// Weights of the hours before each hour, with 16 bits of fraction; one more than there are hours.
    private let cumulative: [UInt64]
    /// For each stage and hour, how long things take, in percent.
    private let slowness: [[Int64]]

    /// Shares of the hours of a day (UTC) and of the days from Sunday on; only their proportions matter.
    private static let hourWeights: [UInt64] = [
        14, 9, 6, 5, 5, 8, 16, 28, 42, 54, 60, 62, 66, 62, 58, 57, 60, 68, 80, 92, 96, 82, 52, 28,
    ]
    private static let weekdayWeights: [UInt64] = [118, 104, 98, 96, 100, 92, 84]

    init(_ options: GeneratorOptions) {
        start = options.start * 1_000
        orders = UInt64(options.orders)
        var random = SplitMix64(seed: SplitMix64.mix(options.seed ^ 0x6F72_6465_7273))
        var sums: [UInt64] = [0]
        for hour in 0..<Int64(options.days * 24) {
            let seconds = options.start + hour * 3_600
            let hourOfDay = Int(seconds / 3_600 % 24)
            let weekday = Int((seconds / 86_400 + 4) % 7)
            let noise = 85 + UInt64(random.below(31))
            let regular = OrderRhythm.hourWeights[hourOfDay] * OrderRhythm.weekdayWeights[weekday]
            let weight = regular * noise / 1_000
            sums.append(sums[Int(hour)] + weight << 16)
        }
        cumulative = sums
        slowness = OrderRhythm.slowSpells(days: options.days)
    }

    /// In every four weeks: one day on which the warehouse is slow, one evening on which payments are, and
    /// two days of a slow road. Fewer days than that have them nearer together.
    private static func slowSpells(days: Int) -> [[Int64]] {
        var percent = [[Int64]](repeating: [Int64](repeating: 100, count: days * 24), count: 3)
        func slow(_ stage: Stage, from hour: Int, hours: Int, percent value: Int64) {
            for hour in hour..<min(hour + hours, days * 24) { percent[stage.rawValue][hour] = value }
        }
        let period = min(days, 28)
        for first in stride(from: 0, through: days - period, by: period) {
            slow(.warehouse, from: (first + period / 2) * 24, hours: 24, percent: 420)
            slow(.payment, from: (first + period * 2 / 3) * 24 + 17, hours: 3, percent: 1_500)
            slow(.delivery, from: (first + period * 5 / 6) * 24, hours: 48, percent: 170)
        }
        return percent
    }

    /// When the order with this index (from 0) is created, in Unix milliseconds: each order has its own equal
    /// slice of the weight of all hours, so that times rise with the index, and `random` places it in its
    /// slice.
    @inline(__always)
    func created(_ index: UInt32, _ random: inout SplitMix64) -> Int64 {
        let within = random.next() &>> 40
        let product = ((UInt64(index) &<< 24) | within).multipliedFullWidth(
            by: cumulative[cumulative.count - 1])
        let place = (orders &<< 24).dividingFullWidth(product).quotient
        var low = 0
        var high = cumulative.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if cumulative[middle] <= place { low = middle } else { high = middle }
        }
        let width = cumulative[high] - cumulative[low]
        let offset = (place - cumulative[low]) * UInt64(OrderRhythm.hourMilliseconds) / width
        return start + Int64(low) * OrderRhythm.hourMilliseconds + Int64(offset)
    }

    /// The duration of a step that begins at `time`, on top of what it takes on a good day.
    @inline(__always)
    func stretched(_ duration: Int64, _ stage: Stage, at time: Int64) -> Int64 {
        let percent = percent(stage, at: time)
        return percent == 100 ? duration : duration * percent / 100
    }

    @inline(__always)
    func percent(_ stage: Stage, at time: Int64) -> Int64 {
        let hour = Int((time - start) / OrderRhythm.hourMilliseconds)
        let row = slowness[stage.rawValue]
        return hour < row.count ? row[hour] : 100
    }

    /// Moves a time of the night into the first two hours of the next morning, without changing the order of
    /// times. Hours are UTC, `opens` < `closes`.
    @inline(__always)
    static func daytime(_ time: Int64, opens: Int64, closes: Int64) -> Int64 {
        let day = time / dayMilliseconds
        let ofDay = time - day * dayMilliseconds
        let opening = opens * hourMilliseconds
        let closing = closes * hourMilliseconds
        let night = dayMilliseconds - closing + opening
        if ofDay >= closing {
            return (day + 1) * dayMilliseconds + opening + (ofDay - closing) * (2 * hourMilliseconds) / night
        }
        if ofDay < opening {
            let sinceClosing = ofDay + dayMilliseconds - closing
            return day * dayMilliseconds + opening + sinceClosing * (2 * hourMilliseconds) / night
        }
        return time
    }
}
