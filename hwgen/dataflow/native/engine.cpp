// Runs a dataflow: described on standard input, results on standard output (hwgen/dataflow/engine.py).
//
//   run INFERENCES PACE LAZY FUSED   PACE: edges over which the beats of a tensor are offered; 0: at once.  LAZY: number of the
//                                    `fifo` that takes a beat only where nothing else can move: its `most` is then the least
//                                    depth at which the flow runs (-1: none).  FUSED 0: computes the beats inside a stage too
//   streams N BEATS...               beats a tensor of streams 0 ... N - 1; 0: nobody asks when they move
//   and a line an element, counted from 0, each after those that give what it takes: elements.h, stages.h, memories.h
//
// Results: `first` and `done` STREAM EDGES: of each tensor's first and last beat; `issued` ELEMENT EDGES: of each tensor's last
// operation; `most` ELEMENT PLACES.  Where the run stops before: `stopped EDGE`, and the streams of a circle of waiting,
// `offered` or `missing` STREAM: a beat that nobody takes, or one that nobody offers; only the last where it ends at one element.

#include <iostream>
#include <map>
#include <string>

#include "memories.h"

namespace {

struct Flow {
    uint64_t inferences = 0;
    Time pace = 0;
    int64_t lazy = -1;
    bool fused = true;
    std::vector<std::unique_ptr<Stream>> streams;
    std::vector<std::unique_ptr<Element>> elements;
    Fifo* lazy_fifo = nullptr;
};

using Made = std::unique_ptr<Element>;

template <typename Kind>
Made make(Flow&, Words& words) {
    return std::make_unique<Kind>(words);
}

Made make_source(Flow& flow, Words& words) {
    return std::make_unique<Source>(words, flow.inferences, flow.pace);
}

Made make_fifo(Flow& flow, Words& words) {
    const bool lazy = flow.lazy == static_cast<int64_t>(flow.elements.size());
    auto fifo = std::make_unique<Fifo>(words, lazy);
    if (lazy) flow.lazy_fifo = fifo.get();
    return fifo;
}

// A window before it does its work where it can; the element stays, with the record of its operations.
template <typename Front>
Made make_front(Flow& flow, Words& words) {
    constexpr bool gate = std::is_same_v<Front, Gate>;
    auto front = std::make_unique<Front>(words);
    auto* window = dynamic_cast<Window*>(front->in.giver);
    if (flow.fused && window != nullptr) window->fuse(front->in, front->beats, front->repeats, gate, front->credit);
    return front;
}

const std::map<std::string, Made (*)(Flow&, Words&)> kinds = {
    {"source", make_source}, {"sink", make<Sink>}, {"fork", make<Fork>}, {"fifo", make_fifo}, {"converter", make<Converter>},
    {"concat", make<Concat>}, {"select", make<Select>}, {"reorder", make<Reorder>}, {"window", make<Window>},
    {"matvec", make_front<Matvec>}, {"gate", make_front<Gate>}, {"pair", make<PairGate>},
};

void read(std::istream& text, Flow& flow) {
    Words words{text, flow.streams};
    for (std::string word; text >> word;) {
        if (word == "run") {
            flow.inferences = words.count();
            flow.pace = words.number();
            flow.lazy = words.number();
            flow.fused = words.number() != 0;
        } else if (word == "streams") {
            for (uint64_t left = words.count(); left > 0; --left) {
                flow.streams.push_back(std::make_unique<Stream>(flow.streams.size(), words.count()));
            }
        } else {
            flow.elements.push_back(kinds.at(word)(flow, words));
        }
    }
}

// A stream that has not yet carried all, the last if there are several; none: the run is complete.
const Stream* lacking(const Flow& flow) {
    const auto found = std::find_if(flow.streams.rbegin(), flow.streams.rend(), [&](const auto& stream) {
        return stream->beats > 0 && stream->done.size() < flow.inferences;
    });
    return found == flow.streams.rend() ? nullptr : found->get();
}

void run(Flow& flow) {
    for (const auto& element : flow.elements) wake(element.get());
    std::vector<Element*> batch;
    do {
        while (!woken.empty()) {
            batch.swap(woken);
            for (auto* element : batch) {
                element->queued = false;
                element->run();
            }
            batch.clear();
        }
    } while (flow.lazy_fifo != nullptr && lacking(flow) != nullptr && flow.lazy_fifo->take());
}

void print(const char* what, size_t number, const std::vector<Time>& edges) {
    std::printf("%s %zu", what, number);
    for (const Time t : edges) std::printf(" %lld", static_cast<long long>(t));
    std::printf("\n");
}

void print_stop(const Flow& flow, const Stream* stuck) {
    Time edge = 0;
    for (const auto& stream : flow.streams) edge = std::max(edge, stream->last);
    print("stopped", static_cast<size_t>(edge), {});
    std::vector<const Stream*> path;
    while (stuck != nullptr && std::find(path.begin(), path.end(), stuck) == path.end()) {
        path.push_back(stuck);
        stuck = (stuck->is_offered() ? stuck->taker : stuck->giver)->waits(*stuck);
    }
    path.erase(path.begin(), stuck == nullptr ? path.end() - 1 : std::find(path.begin(), path.end(), stuck));
    for (const auto* stream : path) print(stream->is_offered() ? "offered" : "missing", stream->number, {});
}

}  // namespace

int main() {
    std::ios::sync_with_stdio(false);
    Flow flow;
    read(std::cin, flow);
    run(flow);
    for (const auto& stream : flow.streams) {
        if (stream->beats == 0) continue;
        print("first", stream->number, stream->first);
        print("done", stream->number, stream->done);
    }
    for (size_t k = 0; k < flow.elements.size(); ++k) {
        const auto& element = *flow.elements[k];
        if (!element.issued.empty()) print("issued", k, element.issued);
        if (element.most() >= 0) print("most", k, {element.most()});
    }
    if (const auto* stuck = lacking(flow); stuck != nullptr) print_stop(flow, stuck);
    return 0;
}
