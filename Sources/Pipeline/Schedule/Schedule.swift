import Foundation

/// When a pipeline runs by itself.
package struct Schedule: Sendable, Equatable {
    package enum Times: Sendable, Equatable {
        case cron(CronExpression)
        /// This long after the beginning of the run before.
        case every(seconds: Double)
    }

    package let times: Times
    /// Each run begins up to so much later than it should, by chance, so that not all pipelines begin at once.
    package let jitterSeconds: Double

    package init(_ times: Times, jitterSeconds: Double = 0) {
        self.times = times
        self.jitterSeconds = jitterSeconds
    }

    /// The first time at which a run should begin, after a time. Nil where there is none.
    ///
    /// Those of `every` are whole multiples since 1970, so that they are the same whenever somebody asks.
    package func next(after time: Date) -> Date? {
        switch times {
        case .cron(let expression): return expression.next(after: time)
        case .every(let seconds):
            let passed = (time.timeIntervalSince1970 / seconds).rounded(.down)
            return Date(timeIntervalSince1970: (passed + 1) * seconds)
        }
    }
}
