import Foundation

/// The search for the first match in one line: takes what `NSRegularExpression` reports, and stops it when time is up.
final class RegexSearch {
    enum Failure { case tookTooLong, tookTooMuch }

    private(set) var match: NSTextCheckingResult?
    private(set) var failure: Failure?
    private let maxSeconds: Double
    private var reports = 0
    private var deadline: ContinuousClock.Instant?

    init(maxSeconds: Double) { self.maxSeconds = maxSeconds }

    func note(
        _ result: NSTextCheckingResult?, _ flags: NSRegularExpression.MatchingFlags,
        _ stop: UnsafeMutablePointer<ObjCBool>
    ) {
        if let result {
            match = result
            stop.pointee = true
        } else if flags.contains(.completed) {
            if flags.contains(.internalError), failure == nil { failure = .tookTooMuch }
        } else {
            // ICU reports each place where it begins anew, and every 10,000 steps: too often to look at the clock.
            reports += 1
            guard reports & 15 == 0 else { return }
            let now = ContinuousClock.now
            guard let deadline else {
                deadline = now + .seconds(maxSeconds)
                return
            }
            if now > deadline {
                failure = .tookTooLong
                stop.pointee = true
            }
        }
    }
}
