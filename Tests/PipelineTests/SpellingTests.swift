import Pipeline
import Testing

struct SpellingTests {
    static let keys = ["name", "start", "end", "cancel", "within", "target", "occurrence", "clock_skew"]

    @Test(arguments: [
        ("within", "within"), ("withn", "within"), ("witthin", "within"), ("wihtin", "within"),
        ("wxthin", "within"),
        ("Within", "within"), ("WITHIN", "within"), ("occurence", "occurrence"), ("clockskew", "clock_skew"),
        ("clock-skew", "clock_skew"), ("nmae", "name"), ("strat", "start"), ("ned", "end"),
        ("cancels", "cancel"),
    ])
    func findsTheNearest(word: String, nearest: String) {
        #expect(Spelling.nearest(word, in: SpellingTests.keys) == nearest)
        #expect(Spelling.suggestion(word, in: SpellingTests.keys) == "; did you mean \"\(nearest)\"?")
    }

    @Test(arguments: ["colour", "max_duration", "deadline", "x", "", "stop", "nothing like it"])
    func isSilentAboutWordsFarFromAll(word: String) {
        #expect(Spelling.nearest(word, in: SpellingTests.keys) == nil)
        #expect(Spelling.suggestion(word, in: SpellingTests.keys) == "")
    }

    /// A third of the longer word's letters may differ, and one always.
    @Test(arguments: [
        ("abcdef", "abcdxx", true), ("abcdef", "abcxxx", false), ("abcdefghi", "abcdefxxx", true),
        ("abcdefghi", "abcdexxxx", false), ("ab", "abc", true), ("abc", "axx", false),
    ])
    func allowsAThirdOfTheLetters(word: String, candidate: String, isNear: Bool) {
        #expect(Spelling.nearest(word, in: [candidate]) == (isNear ? candidate : nil))
    }

    @Test func takesTheFewestEdits() {
        #expect(
            Spelling.nearest("order.shiped", in: ["order.skipped", "order.shipped", "order.ship"])
                == "order.shipped")
        #expect(Spelling.nearest("étape", in: ["etape", "étapes"]) != nil)
        #expect(Spelling.nearest("anything", in: []) == nil)
    }

    @Test func takesTheFirstOfEquals() {
        #expect(Spelling.nearest("order.x", in: ["order.b", "order.a"]) == "order.a")
    }
}
