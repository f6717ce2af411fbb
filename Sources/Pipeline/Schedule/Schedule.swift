import Foundation

/// When a pipeline runs by itself, and what is done where a run fails.
package struct Schedule: Sendable, Equatable {
    package enum Times: Sendable, Equatable {
        case cron(CronExpression)
        /// Whole multiples of this since 1970, so that they are the same whenever somebody asks.
        case every(microseconds: Int64)
    }

    package let times: Times
    /// As it is defined, in a line; tells one schedule from another.
    package let text: String
    /// Each run begins up to so much later than it should, by chance, so that not all pipelines begin at once.
    package var jitterSeconds = 0.0
    /// How often a run is tried that fails for a reason that may pass.
    package var maxAttempts = 5
    /// How long after the first failure it is tried again; the pause doubles each time.
    package var backoffSeconds = 10.0
    /// Whether it also runs when an open case passes its deadline.
    package var wakesAtDeadlines = true

    package init(_ times: Times, text: String) {
        self.times = times
        self.text = text
    }

    /// The first time at which a run should begin, after a time. Nil where there is none.
    package func next(after time: Date) -> Date? {
        switch times {
        case .cron(let expression): return expression.next(after: time)
        case .every(let length):
            let passed = time.microseconds
            return Date(microseconds: (passed - passed.remainder(by: length)) + length)
        }
    }

    /// The times after one and up to another.
    package func times(after: Date, through: Date) -> NominalTimes? {
        guard let first = next(after: after), first <= through else { return nil }
        var (last, count) = (first, 1)
        switch times {
        case .cron(let expression):
            while let next = expression.next(after: last), next <= through {
                (last, count) = (next, count + 1)
            }
        case .every(let length):
            let further = (through.microseconds - first.microseconds) / length
            last = Date(microseconds: first.microseconds + further * length)
            count += Int(further)
        }
        return NominalTimes(first: first, last: last, count: count)
    }

    /// Between two attempts of what fails, in seconds.
    static let longestPause = 300.0

    /// How long to wait after so many attempts before the next, in seconds; nil where there is to be none.
    package func pause(afterAttempt attempt: Int) -> Double? {
        guard attempt < maxAttempts else { return nil }
        let pause = backoffSeconds * pow(2, Double(min(attempt, 30) - 1))
        return min(pause, max(Schedule.longestPause, backoffSeconds))
    }
}

/// Times of a schedule that one run stands for: its own, and those that it catches up.
package struct NominalTimes: Sendable, Equatable {
    package let first: Date
    package let last: Date
    package let count: Int

    package init(first: Date, last: Date, count: Int) {
        self.first = first
        self.last = last
        self.count = count
    }
}

extension Date {
    /// Since 1970; what PostgreSQL can keep of it.
    package var microseconds: Int64 { Int64((timeIntervalSince1970 * 1e6).rounded()) }

    package init(microseconds: Int64) { self.init(timeIntervalSince1970: Double(microseconds) / 1e6) }
}

extension Int64 {
    /// From 0 up to the divisor, of negative numbers too.
    fileprivate func remainder(by divisor: Int64) -> Int64 {
        let remainder = self % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
