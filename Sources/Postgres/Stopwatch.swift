/// The seconds since it was made, by a clock that nobody sets: wall time may jump, also backwards.
package struct Stopwatch: Sendable {
    private let start = ContinuousClock.now

    package init() {}

    package var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
}
